"""A job: rows in, work on each, outcomes out. ``run`` and every agent's own command are jobs."""

from __future__ import annotations

import asyncio
import platform
import shlex
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from reasonmed import __version__
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.flow.traffic import Control
from reasonmed.pipeline.team import Team, connected
from reasonmed.recipe.checks import doubts
from reasonmed.recipe.identity import identity_of, prompt_hashes, prompt_texts
from reasonmed.recipe.stages import ranks
from reasonmed.runs.descriptors import fit
from reasonmed.runs.directory import RunDirectory  # noqa: TC001 - of a dataclass
from reasonmed.runs.intake import admit
from reasonmed.runs.manifest import FORMAT, Decision, Input, Manifest, Screen
from reasonmed.runs.pool import run, save, unfinished
from reasonmed.runs.samples import SampleWatch, equal_samples, warning
from reasonmed.runs.session import begin, budget_of, elder_of, end, open_rows, set_facts, signals
from reasonmed.runs.socket import listening
from reasonmed.types import Story

if TYPE_CHECKING:
    from reasonmed.engine.ledger import Ledger
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.intake import Intake
    from reasonmed.runs.progress import Watch

Work = Callable[[Story, Team], Awaitable[Story]]
After = Callable[["Ledger", Team, Stop], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to do with which rows, where."""

    command: str
    recipe: Recipe
    stages: tuple[str, ...]
    """The stages whose options can change an outcome."""
    work: Work
    intake: Intake | None
    """The rows to take in; None to go on with those that the ledger has."""
    folder: RunDirectory
    forks: tuple[RunDirectory, ...] = ()
    """Older runs whose replies serve this one too."""
    against: tuple[dict[str, object], ...] = ()
    """The benchmarks whose questions were taken out of the rows; part of the identity where there are any."""
    after: After | None = None
    """What comes after the last row."""
    write: Callable[[Ledger], None] = field(default=lambda _: None)
    """Writes the files that are derived from the ledger."""
    notes: tuple[str, ...] = ()
    """What a person should know of the job before it begins."""
    settings: dict[str, object] = field(default_factory=dict)
    """What else can change an outcome, beside the recipe's stages: a part of the identity."""
    phi: Decision | None = None
    """What was decided on questions that may identify patients, and what was found; no part of the identity."""

    def manifest(self) -> Manifest:
        """What the run directory says about the job."""
        taken = self.intake
        return Manifest(
            format=FORMAT,
            reasonmed=__version__,
            command=self.command,
            started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            python=platform.python_version(),
            platform=platform.platform(),
            demo=self.recipe.demo,
            prompts=prompt_hashes(self.recipe),
            input=Input(taken.file.name, taken.survey.hash) if taken else None,
            recipe=self.recipe.model_dump(mode="json", exclude_none=True, serialize_as_any=True),
            templates=prompt_texts(self.recipe),
            against=msgspec.convert(self.against, list[Screen]),
            phi=[] if self.phi is None else [self.phi],
            identity=identity_of(self.recipe, self.stages) | self.settings | screen_identity(self.against),
        )


def screen_identity(against: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """What a run's identity says about the benchmarks it was screened against; nothing where there are none.

    The size of the whole benchmark is not in it: it changes no outcome.
    """
    screens = [{name: value for name, value in one.items() if name != "of"} for one in against]
    return {"against": screens} if screens else {}


async def execute(job: Job, watch: Watch) -> None:
    """Do the job to its end, or as far as it goes; whatever is done is on record.

    Raises:
        ControlError: the run drained before its end: a person asked for it, the money is spent, a service is away.
        ReasonMedError: the directory, the rows or the recipe do not allow the job.
    """
    for name in job.recipe.used:
        job.recipe.model(name).ready()
    stop = Stop()
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(job.folder.writing(job.manifest()))
        elders = tuple(stack.enter_context(elder_of(fork)) for fork in job.forks)
        new = admit(ledger, job.intake) if job.intake else 0
        session, changes = begin(ledger, job.recipe, job.intake.selection if job.intake else None)
        _tell(job, watch, ledger, new, changes)
        if session == 1 and {"generate", "verify"} <= {*job.stages}:
            watch.notes += doubts(job.recipe)
        stack.enter_context(signals(stop))
        limits = job.recipe.limits
        places, note = fit(job.recipe)
        if note is not None:
            watch.notes.append(note)
            limits = limits.model_copy(update={"in_flight": places})
        control = Control(limits, stop, budget_of(limits.max_cost, ledger), ranks())
        watch.control = control
        control.meter.notes = watch.notes
        await stack.enter_async_context(listening(job.folder, watch))
        try:
            async with connected(job.recipe, ledger, control, elders) as team:
                await _work(job, ledger, team, stop, watch)
        except asyncio.CancelledError:
            end(ledger, session, "stopped")
            raise
        except BaseException:
            end(ledger, session, "crashed")
            job.write(ledger)
            raise
        watch.phase = "writing"
        if not stop.wanted and not watch.asked:
            watch.notes.append("already finished; no requests sent")
        watch.notes += [warning(model, count) for model, count in equal_samples(ledger).items()]
        end(ledger, session, "drained" if stop.wanted else "finished")
        job.write(ledger)
    if stop.reason is not None:
        raise stop.reason


async def _work(job: Job, ledger: Ledger, team: Team, stop: Stop, watch: Watch) -> None:
    watch.phase = "running"

    async def work(story: Story) -> Story:
        done = await job.work(story, team)
        await save(ledger, done)
        return done

    samples = SampleWatch(ledger)
    async for story in run(unfinished(ledger), work, alive=job.recipe.limits.alive, stop=stop):
        watch.done += 1
        watch.notes += samples.warnings(story)
    if job.after is not None and not stop.wanted:
        watch.phase = "scoring"
        await job.after(ledger, team, stop)


def _tell(job: Job, watch: Watch, ledger: Ledger, new: int, changes: list[str]) -> None:
    """What a person should know before the work begins."""
    (watch.total,) = next(ledger.query("SELECT COUNT(*) FROM items", shape=tuple[int]))
    watch.done_before = watch.total - open_rows(ledger)
    watch.notes += job.notes
    mode = job.folder.open_mode
    if mode is not None and ledger.fact("told_open") is None:
        watch.notes.append(
            f"{job.folder.path} is open to other users of this machine (mode {mode:o}); what is written into it from "
            f"now on is not. To close it: chmod -R go-rwx {shlex.quote(str(job.folder.path))}"
        )
        ledger.apply(set_facts(told_open="yes")).result()
    if ledger.saved is not None:
        watch.notes.append(str(ledger.saved))
    watch.notes += [f"changed since the last session: {change}" for change in changes]
    if new and watch.total > new:
        watch.notes.append(
            f"{new} {'question was' if new == 1 else 'questions were'} added; the run now has {watch.total}"
        )
    if job.intake and job.intake.survey.wanted < watch.total:
        watch.notes.append(f"the run has {watch.total} questions from earlier commands; all of them stay in it")
    priced = [job.recipe.model(name).priced for name in job.recipe.used]
    if None in priced:
        unknown = [name for name, price in zip(job.recipe.used, priced, strict=True) if price is None]
        watch.notes.append(
            f"no price is known for {', '.join(unknown)}: cost tracking is off (add `price:` to the recipe)"
        )
