"""The main job: questions through the whole pipeline into records."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasonmed.pipeline.judging.gate import check_judge
from reasonmed.pipeline.synthesize import synthesize
from reasonmed.questions import read
from reasonmed.recipe.identity import identity_of, prompt_hashes
from reasonmed.recipe.options import Stages
from reasonmed.runs.job import After, Job, screen_identity
from reasonmed.runs.records import write_outputs
from reasonmed.runs.scoring import score_records
from reasonmed.types import Question, Story, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.ledger import Ledger
    from reasonmed.errors import QuestionError
    from reasonmed.pipeline.team import Team
    from reasonmed.questions import Settings
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.intake import Intake, Source

STAGES = tuple(Stages.model_fields)
NEEDED = ("generate", "verify")
"""Stages without which there is no run."""


def question_source(path: Path, settings: Settings) -> Source:
    """The rows of a question file as stories that have yet to happen; no id is one that a record will have."""

    def rows() -> Iterator[Story | QuestionError]:
        for found in read(path, settings._replace(records=True)):
            yield Story(found) if isinstance(found, Question) else found

    return rows


def default_folder(intake: Intake, recipe: Recipe, against: Sequence[dict[str, Any]] = ()) -> Path:
    """``runs/STEM-HASH``, the hash being the run's identity, so that the same command finds its run again."""
    identity = identity_of(recipe, STAGES) | screen_identity(against)
    return Path("runs", f"{intake.file.stem}-{digest((identity, intake.survey.hash), 4)}")


def synthesis_job(intake: Intake | None, recipe: Recipe, folder: RunDirectory) -> Job:
    """The job of ``reasonmed run``; without an intake it goes on with the questions that the run has.

    Raises:
        RecipeError: the judge lacks the card that the recipe asks for.
    """
    check_judge(recipe)
    facts = {"demo": recipe.demo, "prompts": prompt_hashes(recipe)}

    return Job(
        command="run",
        recipe=recipe,
        stages=STAGES,
        work=whole_story,
        intake=intake,
        folder=folder,
        after=scoring(recipe, recipe.stages.score.sample if recipe.stages.score else None),
        write=partial(write_outputs, folder, facts=facts),
    )


def scoring(recipe: Recipe, sample: int | None) -> After:
    """Scores so many records after the last question; all of them where no number is given."""

    async def after(ledger: Ledger, team: Team, stop: Stop) -> None:
        await score_records(ledger, team, sample, alive=recipe.limits.alive, stop=stop)

    return after


async def whole_story(story: Story, team: Team) -> Story:
    """Everything that happens to a question; nothing where it came in with a failure."""
    return story if story.failure else await synthesize(story.question, team)
