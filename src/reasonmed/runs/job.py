"""A job in its run directory: rows in, work on each, outcomes out. Every command that asks models is one."""

from __future__ import annotations

import asyncio
import platform
import shlex
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Generic

import msgspec

from reasonmed import __version__, backends
from reasonmed.engine.connect import connected
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.flow.traffic import Control
from reasonmed.engine.job import Job, Models, Outcome, Row
from reasonmed.engine.pool import finish
from reasonmed.engine.turns import Turns
from reasonmed.recipe.checks import asked_by, doubts
from reasonmed.recipe.identity import identity_of, prompt_hashes, prompt_texts
from reasonmed.recipe.stages import ranks
from reasonmed.recipe.turns import in_turn
from reasonmed.runs.corrections import correct, corrections_in
from reasonmed.runs.descriptors import fit
from reasonmed.runs.directory import RunDirectory  # noqa: TC001 - of a dataclass
from reasonmed.runs.intake import admit
from reasonmed.runs.manifest import FORMAT, Correction, Decision, Input, Manifest, Screen, Written
from reasonmed.runs.samples import SampleWatch, equal_samples, warning
from reasonmed.runs.session import begin, budget_of, elder_of, end, left_in_batches, residency_of, signals
from reasonmed.runs.socket import listening
from reasonmed.runs.sources import other_files
from reasonmed.runs.until import count, in_words, rows_of

if TYPE_CHECKING:
    from reasonmed.backends import Backend, ModelSettings
    from reasonmed.engine.batches.office import Clock
    from reasonmed.engine.flow.budget import Budget
    from reasonmed.engine.ledger import Ledger
    from reasonmed.recipe.options import Limits, Recipe
    from reasonmed.runs.intake import Intake
    from reasonmed.runs.progress import Watch
    from reasonmed.types import Story

After = Callable[["Ledger", Models, Stop, Turns], Awaitable[None]]


def as_it_is(story: Story) -> Story:
    """The row of a job on stories: the story itself."""
    return story


@dataclass(frozen=True, kw_only=True)
class RunJob(Generic[Row, Outcome]):
    """What to do with which rows, by whom, where."""

    command: str
    job: Job[Row, Outcome]
    models: Mapping[str, ModelSettings]
    """Who is connected, by the names of the job; in this order they have their turns where they share memory."""
    limits: Limits
    identity: dict[str, object]
    """Everything that can change an outcome, beside the rows."""
    written: Written
    """What the manifest says beside that."""
    folder: RunDirectory
    intake: Intake | None
    """The rows to take in; None to go on with those that the ledger has."""
    row: Callable[[Story], Row]
    """A row of the file as one of the job."""
    asked: Mapping[str, ModelSettings]
    """Those of the models that the work asks, by the names that a person knows."""
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
    first_notes: tuple[str, ...] = ()
    """What a person should know before its first session."""
    corrections: tuple[Correction, ...] = ()
    """Keys to correct in the rows; no part of the identity."""
    until_records: int | None = None
    """Records at which no further row is begun; no part of the identity."""
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
            demo=self.written.demo,
            prompts=self.written.prompts,
            input=Input(taken.file.name, taken.survey.hash, [*taken.files]) if taken else None,
            recipe=self.written.recipe,
            templates=self.written.templates,
            against=msgspec.convert(self.against, list[Screen]),
            phi=[] if self.phi is None else [self.phi],
            identity=self.identity | screen_identity(self.against),
        )


def recipe_job(  # noqa: PLR0913 - what a command says of its job
    command: str,
    recipe: Recipe,
    stages: tuple[str, ...],
    job: Job[Story, Story],
    *,
    folder: RunDirectory,
    intake: Intake | None,
    settings: Mapping[str, object] | None = None,
) -> RunJob[Story, Story]:
    """A job on stories by the models of a recipe.

    Args:
        command: what makes it.
        recipe: models, options, templates, limits.
        stages: the stages whose options can change an outcome.
        job: what is done with a story.
        folder: where the run lives.
        intake: the rows to take in.
        settings: what else can change an outcome.
    """
    models = {name: recipe.model(name) for name in in_turn(recipe)}
    return RunJob(
        command=command,
        job=job,
        models=models,
        limits=recipe.limits,
        identity={**identity_of(recipe, stages), **(settings or {})},
        written=Written(
            demo=recipe.demo,
            prompts=prompt_hashes(recipe),
            recipe=recipe.model_dump(mode="json", exclude_none=True, serialize_as_any=True),
            templates=prompt_texts(recipe),
        ),
        folder=folder,
        intake=intake,
        row=as_it_is,
        asked={name: models[name] for name in asked_by(recipe, stages)},
        first_notes=tuple(doubts(recipe)) if {"generate", "verify"} <= {*stages} else (),
    )


def screen_identity(against: Sequence[Mapping[str, object]]) -> dict[str, object]:
    """What a run's identity says about the benchmarks it was screened against; nothing where there are none.

    The size of the whole benchmark is not in it: it changes no outcome.
    """
    screens = [{name: value for name, value in one.items() if name != "of"} for one in against]
    return {"against": screens} if screens else {}


async def _own_budget(cap: float | None, ledger: Ledger) -> Budget:
    return budget_of(cap, ledger)


def _is_ready(entry: ModelSettings) -> None:
    entry.ready()


@dataclass(frozen=True)
class Means:
    """What a process has to do a job with; another one where several processes do it together."""

    connects: Callable[[ModelSettings, int], Backend] = backends.connect
    """Makes the back end of a model entry with at most N connections."""
    ready: Callable[[ModelSettings], None] = _is_ready
    """Checks what an entry needs of this process."""
    budget: Callable[[float | None, Ledger], Awaitable[Budget]] = _own_budget
    """The money that this process may spend, under the cap of the recipe."""


OWN = Means()
"""Those of a process that does its job alone."""


def take_up(job: RunJob[Row, Outcome], ledger: Ledger, watch: Watch) -> int:
    """Take the rows in and begin a session; returns its number, and reports what to know before the work."""
    new = admit(ledger, job.job, job.intake, job.row, job.corrections) if job.intake else 0
    correct(ledger, job.corrections)
    job.folder.note_corrections(corrections_in(ledger))
    selection = job.intake.selection if job.intake else None
    session, changes = begin(ledger, job.models, job.limits, selection, job.until_records)
    _tell(job, watch, ledger, new, changes)
    if session == 1:
        watch.notes += job.first_notes
    return session


async def execute(
    job: RunJob[Row, Outcome], watch: Watch, *, heeds: bool = True, means: Means = OWN, clock: Clock | None = None
) -> None:
    """Do the job to its end, or as far as it goes; whatever is done is on record.

    Args:
        job: what is done.
        watch: is told how it goes.
        heeds: whether signals stop it; not where whoever called it has handlers of its own.
        means: what this process has for it.
        clock: what batch jobs go by; the machine's clock where it is not given.

    Raises:
        ControlError: the run drained before its end: a person asked for it, the money is spent, a service is away.
        ReasonMedError: the directory, the rows or the recipe do not allow the job.
    """
    for entry in job.models.values():
        means.ready(entry)
    stop = Stop()
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(job.folder.writing(job.manifest()))
        elders = tuple(stack.enter_context(elder_of(fork)) for fork in job.forks)
        session = take_up(job, ledger, watch)
        stack.enter_context(signals(stop) if heeds else nullcontext())
        limits = job.limits
        places, note = fit(job.models.values(), limits.in_flight)
        if note is not None:
            watch.notes.append(note)
            limits = limits.model_copy(update={"in_flight": places})
        budget = await means.budget(limits.max_cost, ledger)
        control = Control(
            limits,
            stop,
            budget,
            ranks(),
            residency=residency_of(limits, ledger, stop),
            connects=means.connects,
            folder=job.folder.path,
        )
        watch.control = control
        control.meter.notes = watch.notes
        await stack.enter_async_context(listening(job.folder, watch))
        try:
            async with connected(job.models, ledger, control, elders, clock) as models:
                watch.phase = "running"
                samples, turns = SampleWatch(ledger), control.turns
                rows = partial(rows_of, job.job, job.until_records, ledger, watch)
                async for kept in finish(job.job, rows, ledger, models, alive=limits.alive, stop=stop, turns=turns):
                    count(watch, kept)
                    watch.notes += samples.warnings(kept)
                if job.after is not None and not stop.wanted:
                    watch.phase = "scoring"
                    await job.after(ledger, models, stop, control.turns)
        except asyncio.CancelledError:
            end(ledger, session, "stopped")
            raise
        except BaseException:
            end(ledger, session, "crashed")
            job.write(ledger)
            raise
        watch.phase = "writing"
        if not stop.wanted:
            watch.notes += _ended(watch, ledger)
        watch.notes += left_in_batches(ledger)
        watch.notes += [warning(model, count) for model, count in equal_samples(ledger).items()]
        end(ledger, session, "drained" if stop.wanted else "finished")
        job.write(ledger)
    if stop.reason is not None:
        raise stop.reason


def _ended(watch: Watch, ledger: Ledger) -> list[str]:
    """What a person should know of a session that nothing stopped."""
    reached = in_words(watch, ledger.count_pending())
    finished = "already finished; no requests sent"
    return [reached] if reached is not None else [] if watch.asked else [finished]


def _tell(job: RunJob[Row, Outcome], watch: Watch, ledger: Ledger, new: int, changes: list[str]) -> None:
    """What a person should know before the work begins."""
    watch.total = ledger.count()
    watch.done_before = watch.total - ledger.count_pending()
    watch.notes += job.notes
    watch.notes += other_files(job.folder.manifest().input, job.manifest().input)
    mode = job.folder.open_mode
    if mode is not None and ledger.fact("told_open") is None:
        watch.notes.append(
            f"{job.folder.path} is open to other users of this machine (mode {mode:o}); what is written into it from "
            f"now on is not. To close it: chmod -R go-rwx {shlex.quote(str(job.folder.path))}"
        )
        ledger.note(told_open="yes")
    if ledger.saved is not None:
        watch.notes.append(str(ledger.saved))
    watch.notes += [f"changed since the last session: {change}" for change in changes]
    if new and watch.total > new:
        watch.notes.append(
            f"{new} {'question was' if new == 1 else 'questions were'} added; the run now has {watch.total}"
        )
    if job.intake and job.intake.survey.wanted < watch.total:
        watch.notes.append(f"the run has {watch.total} questions from earlier commands; all of them stay in it")
    unknown = [name for name, entry in job.models.items() if entry.priced is None]
    if unknown:
        watch.notes.append(
            f"no price is known for {', '.join(unknown)}: cost tracking is off (add `price:` to the recipe)"
        )
