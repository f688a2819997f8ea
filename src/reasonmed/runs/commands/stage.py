"""Each agent alone: a stage over the stories of a file, resumable like a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace as with_fields
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.engine.ledger import encode
from reasonmed.errors import UsageError
from reasonmed.files import replacing
from reasonmed.pipeline.judging.gate import check_judge
from reasonmed.pipeline.stages._outside import from_outside
from reasonmed.pipeline.team import assemble
from reasonmed.recipe.stages import the_spec
from reasonmed.runs.commands.run import scoring
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.job import RunJob, recipe_job
from reasonmed.runs.layouts import layout_of, rows_in, writer
from reasonmed.runs.records import before_and_after
from reasonmed.runs.scoring import with_scores
from reasonmed.runs.stories import story_job

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from reasonmed.engine.job import Models
    from reasonmed.engine.ledger import Ledger
    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Recipe
    from reasonmed.recipe.stages import StageSpec
    from reasonmed.runs.intake import Intake
    from reasonmed.types import Story

    Work = Callable[[Story, Team], Awaitable[Story]]


class Tally(NamedTuple):
    """What became of a command's rows: worked on, passed through as they were, failed in this stage."""

    done: int
    passed: int
    failed: int


def agent_job(
    stage: str,
    intake: Intake,
    recipe: Recipe,
    out: Path,
    layout: str | None,
    tell: Callable[[Tally], None] = lambda _: None,
) -> RunJob[Story, Story]:
    """The job of one agent's command; its ledger lives in ``OUT.run/``.

    Args:
        stage: the agent.
        intake: the rows.
        recipe: the recipe.
        out: the file to write.
        layout: how to write it; None for the layout that the rows have.
        tell: gets what became of the rows, once they are written.
    """
    spec = the_spec(stage)
    if "verify" in needed(stage):
        check_judge(recipe)
    written = layout or layout_of(intake.file)
    writer(written)
    folder = RunDirectory(out.with_name(f"{out.name}.run"))
    if out.exists() and not folder.exists:
        raise UsageError(f"{out} exists and was not made by `reasonmed {stage}`; choose another -o")
    sample = recipe.stages.score.sample if recipe.stages.score else None

    def work(models: Models) -> Callable[[Story], Awaitable[Story]]:
        team, run = assemble(recipe, models), work_of(stage)
        return lambda story: run(story, team)

    return with_fields(
        recipe_job(
            stage,
            recipe,
            needed(stage),
            story_job(work),
            folder=folder,
            intake=intake,
            settings={"shaped_by": spec.shaped_by(recipe.stages)} if spec.shaped_by else {},
        ),
        after=scoring(recipe, sample) if spec.at_end else None,
        notes=tuple(spec.notes(recipe.stages)) if spec.notes else (),
        write=partial(_write, out, written, stage, tell),
    )


def needed(stage: str) -> tuple[str, ...]:
    """The stages of a recipe that an agent's command needs."""
    return (stage, *the_spec(stage).needs)


def partial_of(out: Path) -> Path:
    """Where an agent's command writes its rows as long as some are unfinished."""
    return out.with_name(f"{out.name}.partial")


def work_of(stage: str) -> Work:
    """What an agent does with one row: its stage, where the row is for it; every other one passes as it is.

    A stage that runs after the last row does nothing before.
    """
    spec = the_spec(stage)

    async def work(story: Story, team: Team) -> Story:
        story = replace(story, rows=())
        if spec.at_end or not _is_for(spec, story):
            return story
        if spec.plugin is not None:
            return await from_outside(spec, story, team)
        return await (spec.alone or spec.run)(story, team)

    return work


def _is_for(spec: StageSpec, story: Story) -> bool:
    """Whether a stage has something to do on a row: it has not failed, is of the tier, and has what the stage needs."""
    other_tier = bool(spec.tiers) and story.tier is not None and story.tier not in spec.tiers
    if story.failure is not None or other_tier or (spec.keyed and story.question.answer is None):
        return False
    return spec.takes(story)


def _write(out: Path, layout: str, stage: str, tell: Callable[[Tally], None], ledger: Ledger) -> None:
    """The stage's output file anew, in one piece; a ``.json`` file is a list, every other one JSON Lines.

    What lacks rows or scores does not get the file's name, but one that says so.
    """
    listed, whole, counts = out.suffix == ".json", ledger.fact("state") == "finished", Counter[str]()
    with replacing(out if whole else partial_of(out)) as sink:
        first = True
        for before, ended in before_and_after(ledger):
            after = with_scores(ledger, ended)
            counts[_became(stage, before, after)] += 1
            for row in rows_after(layout, stage, before, after):
                sink.write((b"[\n" if first else b",\n") if listed else b"")
                sink.write(encode(row) + (b"" if listed else b"\n"))
                first = False
        if listed:
            sink.write(b"[]\n" if first else b"\n]\n")
    if whole:
        partial_of(out).unlink(missing_ok=True)
    tell(Tally(counts["done"], counts["passed"], counts["failed"]))


def rows_after(layout: str, stage: str, before: Story, after: Story) -> Iterable[object]:
    """A story's rows after a stage: as they were read where it changed nothing and the layout is theirs."""
    rows = rows_in(layout, before)
    return rows if rows and _untouched(before, after) else writer(layout)(after, stage, rows)


def _untouched(before: Story, after: Story) -> bool:
    return replace(before, rows=()) == after


def _became(stage: str, before: Story, after: Story) -> str:
    """What a stage made of a row; one whose chains of thought stay what they were passes, whatever was tried."""
    if _untouched(before, after):
        return "passed"
    if after.failure is not None and before.failure is None:
        return "failed"
    made = the_spec(stage).made
    return "done" if made is None or any(map(made, after.kept or ())) else "passed"
