"""Each agent alone: a stage over the stories of a file, resumable like a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace as with_fields
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.engine.ledger import encode
from reasonmed.errors import UsageError
from reasonmed.files import replacing
from reasonmed.pipeline.judging.gate import check_judge
from reasonmed.pipeline.stages._consensus import consensus
from reasonmed.pipeline.stages._rewrite import best_wrong
from reasonmed.pipeline.stages.rank import keep_chain
from reasonmed.pipeline.team import assemble
from reasonmed.recipe.options import Generate
from reasonmed.runs.commands.run import scoring
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.job import RunJob, recipe_job
from reasonmed.runs.layouts import layout_of, rows_in, writer
from reasonmed.runs.records import before_and_after
from reasonmed.runs.scoring import with_scores
from reasonmed.runs.stories import story_job
from reasonmed.types import Story, Tier

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from pathlib import Path
    from typing import Any

    from reasonmed.engine.job import Models
    from reasonmed.engine.ledger import Ledger
    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Recipe, Stages
    from reasonmed.runs.intake import Intake

    Work = Callable[[Story, Team], Awaitable[Story]]

NEEDS = {
    "generate": ("generate",),
    "verify": ("verify",),
    "route": ("route", "verify"),
    "rank": ("rank",),
    "refine": ("refine", "verify"),
    "optimize": ("optimize", "verify"),
    "summarize": ("summarize",),
    "score": ("score",),
}
"""The stages of a recipe that each agent's command needs."""

OPEN_ENDED = ("summarize", "score")
"""The stages that take questions without options."""

_KEYED = ("route", "rank", "refine", "optimize")
_TIERS = {"rank": (Tier.EASY, Tier.MEDIUM), "refine": (Tier.MEDIUM,), "optimize": (Tier.DIFFICULT,)}


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
    if "verify" in NEEDS[stage]:
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
            NEEDS[stage],
            story_job(work),
            folder=folder,
            intake=intake,
            settings=_shaping(stage, recipe.stages),
        ),
        after=scoring(recipe, sample) if stage == "score" else None,
        notes=tuple(_notes(stage, recipe.stages)),
        write=partial(_write, out, written, stage, tell),
    )


def partial_of(out: Path) -> Path:
    """Where an agent's command writes its rows as long as some are unfinished."""
    return out.with_name(f"{out.name}.partial")


def _notes(stage: str, stages: Stages) -> Iterator[str]:
    """Options of the recipe's stage that another command acts on."""
    if stage == "generate" and stages.generate and stages.generate.stop_when_decided:
        yield (
            "stages.generate.stop_when_decided needs verdicts on the way and works in `reasonmed run` alone: "
            f"all {stages.generate.chains} chains of thought of a question are written"
        )
    if stage == "verify" and stages.verify and stages.verify.second_judge:
        yield "stages.verify.second_judge is asked by `reasonmed route`, where one verdict would change the tier"
    if stage == "route" and stages.route.consensus is not None:
        yield "stages.route.consensus is what `reasonmed verify` goes by; the tier does not depend on it"


def _shaping(stage: str, stages: Stages) -> dict[str, Any]:
    """Options of other stages that can change what this one makes: a part of the identity."""
    generate, keep = stages.generate or Generate(models=("",)), stages.rank.keep if stages.rank else None
    truncated, words = {"keep_truncated": generate.keep_truncated}, {"min_words": generate.min_words}
    found = {
        "verify": {"consensus": stages.route.consensus},
        "route": {"keep": keep},
        "refine": truncated | words,
        "optimize": truncated | words,
        "summarize": truncated,
    }
    return {"shaped_by": found[stage]} if stage in found else {}


def work_of(stage: str) -> Work:
    """What an agent does with one row: the stage, where the row is for it; every other one passes as it is.

    Scores come after the last row.
    """
    run: Work = getattr(import_module(f"reasonmed.pipeline.stages.{stage}"), stage)

    async def work(story: Story, team: Team) -> Story:
        story = replace(story, rows=())
        if stage == "score" or not _is_for(stage, story):
            return story
        if stage == "verify":
            story = await consensus(story, team)
        if stage in ("refine", "optimize") and not story.kept:
            story = _with_candidates(story)
        return story if story.failure else await run(story, team)

    return work


def _is_for(stage: str, story: Story) -> bool:
    """Whether a stage has something to do on a row: it has not failed, is of the tier, and has what the stage needs."""
    if story.failure is not None or (story.tier is not None and story.tier not in _TIERS.get(stage, tuple(Tier))):
        return False
    if stage in _KEYED and story.question.answer is None:
        return False
    if stage == "rank":
        return any(chain.outcome == "correct" for chain in story.chains)
    if stage == "refine":
        return bool(story.kept) or any(chain.missing is None for chain in story.chains)
    return bool(story.chains) or stage not in ("verify", "route")


def _with_candidates(story: Story) -> Story:
    """All correct chains as candidates, else the best wrong one."""
    right = [index for index, chain in enumerate(story.chains) if chain.outcome == "correct"]
    best = best_wrong(story)
    chosen = right or ([best] if best is not None else [])
    return replace(story, kept=tuple(keep_chain(story, index) for index in chosen))


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
    new = {"refine": lambda kept: kept.origin == "refine", "optimize": lambda kept: kept.origin == "optimize"}
    new["score"] = lambda kept: kept.score is not None
    return "done" if stage not in new or any(map(new[stage], after.kept or ())) else "passed"
