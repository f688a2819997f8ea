"""The main job: questions through the whole pipeline into records."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import QuestionError
from reasonmed.pipeline.judging.gate import check_judge
from reasonmed.pipeline.stages.verify import contradicts_key
from reasonmed.pipeline.synthesize import synthesize
from reasonmed.pipeline.team import assemble
from reasonmed.questions import read
from reasonmed.questions.contamination.screen import screened, told
from reasonmed.questions.ids import clash
from reasonmed.recipe.identity import identity_of
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.job import After, RunJob, recipe_job, screen_identity
from reasonmed.runs.layouts import look, story_source
from reasonmed.runs.records import write_outputs
from reasonmed.runs.scoring import score_records
from reasonmed.runs.stories import story_job
from reasonmed.types import Failure, Question, Story, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.job import Job, Models
    from reasonmed.engine.ledger import Ledger
    from reasonmed.questions import Settings
    from reasonmed.questions.contamination import Matcher
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.intake import Intake, Source
    from reasonmed.types import ChainOfThought

NEEDED = ("generate", "verify")
"""Stages without which there is no run."""


def question_source(path: Path, settings: Settings, *, keep_verdicts: bool = False) -> Source:
    """The rows of a question file as stories that have yet to happen; no id is one that a record will have.

    The chains of thought in a file of agents are taken as generated; verdicts are kept only where that is asked for.
    """
    if settings.layout == "original":
        settings = settings._replace(layout=None)

    def rows() -> Iterator[Story | QuestionError]:
        if look(path) in ("original", "stories"):
            yield from (_given(one, path, keep_verdicts) for one in story_source(path, None, settings)())
            return
        for found in read(path, settings._replace(records=True)):
            yield Story(found) if isinstance(found, Question) else found

    return rows


def _given(one: Story | QuestionError, path: Path, keep_verdicts: bool) -> Story | QuestionError:  # noqa: FBT001 - passed on
    """A story of agents with nothing but its chains of thought; a consensus is part of the verdicts."""
    if isinstance(one, QuestionError):
        return one
    problem = clash(one.question.id)
    if problem is not None:
        return QuestionError(str(path), 0, "id", problem)
    if one.kept and not one.chains:
        problem = f"{one.question.id!r:.100} has a finished chain of thought and no generated ones to make records of"
        return QuestionError(str(path), 0, "", f"{problem}; `run` takes questions, or the chains that `generate` wrote")
    question = one.question
    if not keep_verdicts and question.answer_source == "consensus":
        question = replace(question, answer=None, answer_source="key")
    chains = tuple(_unjudged(chain, question, keep_verdicts) for chain in one.chains)
    if chains and all(chain.missing for chain in chains):
        return Story(
            question, chains, failure=Failure("no_chain", f"none of {len(chains)} chains of thought has a text")
        )
    return Story(question, chains)


def _unjudged(chain: ChainOfThought, question: Question, keep_verdicts: bool) -> ChainOfThought:  # noqa: FBT001 - passed on
    """A chain as generated: without a score, and without a verdict, unless that is kept and fits the chain."""
    verdict = chain.verdict if keep_verdicts else None
    if verdict is not None and verdict.outcome == "correct" and contradicts_key(question, chain):
        verdict = None
    return replace(chain, verdict=verdict, score=None, step_score=None, justification="")


def default_folder(intake: Intake, recipe: Recipe, against: Sequence[dict[str, object]] = ()) -> Path:
    """``runs/STEM-HASH``, the hash being the run's identity, so that the same command finds its run again."""
    identity = identity_of(recipe) | screen_identity(against)
    return Path("runs", f"{intake.file.stem}-{digest((identity, intake.survey.hash), 4)}")


def synthesis_job(intake: Intake | None, recipe: Recipe, folder: RunDirectory) -> RunJob[Story, Story]:
    """The job of ``reasonmed run``; without an intake it goes on with the questions that the run has.

    Raises:
        RecipeError: the judge lacks the card that the recipe asks for.
    """
    check_judge(recipe)
    job = recipe_job("run", recipe, recipe.stages.names, synthesis(recipe), folder=folder, intake=intake)
    return dataclasses.replace(
        job,
        after=scoring(recipe, recipe.stages.score.sample if recipe.stages.score else None),
        write=partial(write_outputs, folder, facts=job.written),
    )


def job_of_rows(
    intake: Intake,
    recipe: Recipe,
    out: Path | None = None,
    matcher: Matcher | None = None,
    forks: Sequence[Path] = (),
) -> RunJob[Story, Story]:
    """The job of new rows: without the questions of benchmarks, and with the replies of older runs.

    Args:
        intake: the rows.
        recipe: the recipe.
        out: the run directory; named after the file and the run's identity by default.
        matcher: finds the questions of benchmarks, which are not used.
        forks: older runs whose replies are reused.

    Raises:
        RecipeError: the judge lacks the card that the recipe asks for.
    """
    against = tuple(told(matcher)) if matcher else ()
    if matcher:
        intake = intake._replace(source=screened(intake.source, matcher))
    folder = RunDirectory(out or default_folder(intake, recipe, against))
    job = synthesis_job(intake, recipe, folder)
    return dataclasses.replace(job, against=against, forks=tuple(RunDirectory(path) for path in forks))


def synthesis(recipe: Recipe) -> Job[Story, Story]:
    """What is done with every question of a run."""
    return story_job(lambda models: partial(synthesize, team=assemble(recipe, models)))


def scoring(recipe: Recipe, sample: int | None) -> After:
    """Scores so many records after the last question; all of them where no number is given."""

    async def after(ledger: Ledger, models: Models, stop: Stop) -> None:
        await score_records(ledger, recipe, models, sample, alive=recipe.limits.alive, stop=stop)

    return after
