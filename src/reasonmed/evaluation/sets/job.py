"""The job of a comparison: its rows are the drawn ones of all sets, each a story with one kept chain of thought."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.pipeline.stages.score import score
from reasonmed.pipeline.team import assemble
from reasonmed.recipe.templates import Prompt, question_text
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import RunJob, recipe_job
from reasonmed.runs.stories import story_job, unpack_story

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from reasonmed.backends import ModelSettings
    from reasonmed.engine.job import Models
    from reasonmed.engine.ledger import Ledger
    from reasonmed.evaluation.sets.draw import Sample
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.types import Story

STAGE = "score"
COMMAND = "score --against"
_CHARACTERS, _REPLY = 4, 120
"""Characters a token of a prompt, and tokens of a reply: a score with a sentence or two."""
_MILLION = 1_000_000


def comparison_job(
    sample: Sample,
    recipe: Recipe,
    folder: RunDirectory,
    write: Callable[[Ledger], None],
    forks: tuple[RunDirectory, ...] = (),
) -> RunJob[Story, Story]:
    """The job that has the rows scored by the recipe's scorer; rows of more sets may be added by a later one.

    Args:
        sample: the rows.
        recipe: who scores, and the template.
        folder: where the ledger and the results are.
        write: writes the results from the ledger.
        forks: older runs whose replies are reused.
    """
    rows = sample.stories()

    def work(models: Models) -> Callable[[Story], Awaitable[Story]]:
        return partial(score, team=assemble(recipe, models))

    intake = take_in(Path("rows"), lambda: rows, Selection())
    made = recipe_job(COMMAND, recipe, (STAGE,), story_job(work), folder=folder, intake=intake)
    return replace(made, forks=forks, write=write)


def judge_of(recipe: Recipe) -> ModelSettings:
    """The recipe's scorer."""
    if recipe.stages.score is None:
        raise ValueError("the recipe has no score stage")
    return recipe.model(recipe.stages.score.model)


class Cost(NamedTuple):
    """What is still to be scored, roughly: requests, tokens of prompts and replies, and USD where prices are known."""

    requests: int
    tokens_in: int
    tokens_out: int
    usd: float | None


def cost_of(sample: Sample, recipe: Recipe, folder: RunDirectory) -> Cost:
    """What the rows will cost that the folder has no score of."""
    template, price = len(Prompt(STAGE, recipe.prompts).text), judge_of(recipe).priced
    rows = list(_open(sample.stories(), folder))
    characters = sum(template + len(question_text(one.question)) + _length(one) for one in rows)
    tokens_in, tokens_out = characters // _CHARACTERS, _REPLY * len(rows)
    usd = None if price is None else (tokens_in * price.input + tokens_out * price.output) / _MILLION
    return Cost(len(rows), tokens_in, tokens_out, usd)


def _open(rows: Iterable[Story], folder: RunDirectory) -> Iterable[Story]:
    if not folder.exists:
        return rows
    with closing(folder.reader()) as ledger:
        return [one for one in rows if ledger.outcome(one.question.id, unpack_story) is None]


def _length(story: Story) -> int:
    return sum(len(kept.text) + len(kept.response or "") for kept in story.kept or ())
