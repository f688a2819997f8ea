"""Each agent alone: a stage over the stories of a file, resumable like a run."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.engine.ledger import encode
from reasonmed.errors import UsageError
from reasonmed.files import replacing
from reasonmed.pipeline.judging.gate import check_judge
from reasonmed.pipeline.stages._consensus import consensus
from reasonmed.pipeline.stages._rewrite import best_wrong
from reasonmed.pipeline.stages.rank import keep_chain
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.job import Job
from reasonmed.runs.layouts import writer
from reasonmed.runs.records import outcomes
from reasonmed.types import Story, Tier

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

    from reasonmed.engine.ledger import Ledger
    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.intake import Intake

    Stage = Callable[[Story, Team], Awaitable[Story]]

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

_KEYED = ("route", "rank", "refine", "optimize")
_TIERS = {"rank": (Tier.EASY, Tier.MEDIUM), "refine": (Tier.MEDIUM,), "optimize": (Tier.DIFFICULT,)}


def agent_job(stage: str, intake: Intake, recipe: Recipe, out: Path, layout: str | None) -> Job:
    """The job of one agent's command; its ledger lives in ``OUT.run/``."""
    keyless = intake.survey.without_key
    if keyless and stage in _KEYED:
        raise UsageError(
            f"{keyless} rows of {intake.file} have no answer key, and {stage} needs one; `reasonmed verify` "
            "looks for a consensus that takes its place"
        )
    if "verify" in NEEDS[stage]:
        check_judge(recipe)
    folder = RunDirectory(out.with_name(f"{out.name}.run"))
    if out.exists() and not folder.exists:
        raise UsageError(f"{out} exists and was not made by `reasonmed {stage}`; choose another -o")
    run: Stage = getattr(import_module(f"reasonmed.pipeline.stages.{stage}"), stage)
    return Job(
        command=stage,
        recipe=recipe,
        stages=NEEDS[stage],
        work=partial(_work, stage, run),
        intake=intake,
        folder=folder,
        write=partial(_write, out, writer(layout), stage),
    )


async def _work(stage: str, run: Stage, story: Story, team: Team) -> Story:
    """The stage, for the rows that it is for: a failed one passes, and one of another tier."""
    if story.failure is not None or (story.tier is not None and story.tier not in _TIERS.get(stage, tuple(Tier))):
        return story
    if stage == "verify":
        story = await consensus(story, team)
    if stage in ("refine", "optimize") and not story.kept:
        story = _with_candidates(story)
    return story if story.failure else await run(story, team)


def _with_candidates(story: Story) -> Story:
    """All correct chains as candidates, else the best wrong one."""
    right = [index for index, chain in enumerate(story.chains) if chain.outcome == "correct"]
    best = best_wrong(story)
    chosen = right or ([best] if best is not None else [])
    return replace(story, kept=tuple(keep_chain(story, index) for index in chosen))


def _write(out: Path, lines: Callable[[Story, str], Iterable[object]], stage: str, ledger: Ledger) -> None:
    """The stage's output file anew, in one piece; a ``.json`` file is a list, every other one JSON Lines."""
    listed = out.suffix == ".json"
    with replacing(out) as sink:
        first = True
        for story in outcomes(ledger):
            for row in lines(story, stage):
                sink.write((b"[\n" if first else b",\n") if listed else b"")
                sink.write(encode(row) + (b"" if listed else b"\n"))
                first = False
        if listed:
            sink.write(b"[]\n" if first else b"\n]\n")
