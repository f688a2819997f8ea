"""A job: rows in, work on each, outcomes out. ``run`` and every agent's own command are jobs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reasonmed.admission import admit
from reasonmed.control import Control
from reasonmed.errors import Drained, RunDirectoryError
from reasonmed.flow.budget import Budget
from reasonmed.flow.stop import Stop
from reasonmed.journal import Elder
from reasonmed.recipe.identity import differences, identity_of, prompt_hashes
from reasonmed.rundir import RunDirectory, make_manifest
from reasonmed.runner import run, save, unfinished
from reasonmed.team import Team, connected
from reasonmed.types import Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.admission import Intake
    from reasonmed.ledger import Ledger
    from reasonmed.recipe.options import Recipe

Work = Callable[[Story, Team], Awaitable[Story]]


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to do with which rows, where."""

    command: str
    recipe: Recipe
    stages: tuple[str, ...]
    """The stages whose options can change an outcome."""
    work: Work
    intake: Intake
    folder: RunDirectory
    forks: tuple[RunDirectory, ...] = ()
    """Older runs whose replies serve this one too."""
    after: Callable[[Ledger, Team, Stop], Awaitable[None]] | None = None
    """What comes after the last row."""
    write: Callable[[Ledger], None] = field(default=lambda _: None)
    """Writes the files that are derived from the ledger."""

    @property
    def identity(self) -> dict[str, Any]:
        """What can change an outcome."""
        return identity_of(self.recipe, self.stages)

    def manifest(self) -> dict[str, Any]:
        """What the run directory says about the job."""
        facts = {
            "demo": self.recipe.demo,
            "prompts": prompt_hashes(self.recipe),
            "input": {"file": self.intake.file.name, "hash": self.intake.survey.hash},
            "recipe": self.recipe.model_dump(mode="json", exclude_none=True, serialize_as_any=True),
        }
        return make_manifest(self.command, self.identity, facts)


@dataclass
class Watch:
    """What a live view may look at while a job runs."""

    total: int = 0
    done_before: int = 0
    done: int = 0
    control: Control | None = None
    phase: str = "starting"
    notes: list[str] = field(default_factory=list)
    """What a person should be told, in order: changes since the last session, questions taken in."""


async def execute(job: Job, watch: Watch) -> None:
    """Do the job to its end, or as far as it goes; whatever is done is on record.

    Raises:
        ControlError: the run drained before its end: a person asked for it, the money is spent, a service is away.
        ReasonMedError: the directory, the rows or the recipe do not allow the job.
    """
    stop = Stop()
    with ExitStack() as stack:
        ledger = stack.enter_context(job.folder.writing(job.manifest()))
        elders = tuple(stack.enter_context(_elder(fork)) for fork in job.forks)
        new = admit(ledger, job.intake)
        session = _begin(ledger, job, watch, new)
        stack.enter_context(_signals(stop))
        try:
            budget = _budget(job, ledger)
            control = Control(job.recipe.limits, stop, budget)
            watch.control = control
            async with connected(job.recipe, ledger, control, elders) as team:
                await _work(job, ledger, team, stop, watch)
        except asyncio.CancelledError:
            _end(ledger, session, "stopped")
            raise
        except BaseException:
            _end(ledger, session, "crashed")
            job.write(ledger)
            raise
        watch.phase = "writing"
        _end(ledger, session, "drained" if stop.wanted else "finished")
        job.write(ledger)
    if stop.reason is not None:
        raise stop.reason


async def _work(job: Job, ledger: Ledger, team: Team, stop: Stop, watch: Watch) -> None:
    alive = job.recipe.limits.alive
    watch.phase = "running"

    async def work(story: Story) -> Story:
        done = await job.work(story, team)
        await save(ledger, done)
        return done

    async for _ in run(unfinished(ledger), work, alive=alive, stop=stop):
        watch.done += 1
    if job.after is not None and not stop.wanted:
        watch.phase = "scoring"
        await job.after(ledger, team, stop)


def _budget(job: Job, ledger: Ledger) -> Budget:
    """The cap on money with what earlier sessions spent; reservations of a killed one count as spent."""
    (recorded,) = next(ledger.query("SELECT COALESCE(SUM(cost), 0.0) FROM totals"))
    lost = float(ledger.fact("lost_usd") or 0.0)
    held = float(ledger.fact("reserved_usd") or 0.0)
    if held:
        lost += held
        ledger.apply(_facts(lost_usd=lost, reserved_usd=0.0)).result()

    async def remember(bound: float) -> None:
        await ledger.put("INSERT OR REPLACE INTO facts VALUES ('reserved_usd', ?)", repr(bound))

    async def lose(cost: float) -> None:
        nonlocal lost
        lost += cost
        await ledger.put("INSERT OR REPLACE INTO facts VALUES ('lost_usd', ?)", repr(lost))

    return Budget(job.recipe.limits.max_cost, recorded + lost, remember, lose)


def _facts(**values: float) -> Callable[[Any], object]:
    rows = [(name, repr(value)) for name, value in values.items()]
    return lambda connection: connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)


def _end(ledger: Ledger, session: int, how: str) -> None:
    ledger.write("UPDATE sessions SET ended = ?, how = ? WHERE session = ?", time.time(), how, session).result()
    ledger.write("INSERT OR REPLACE INTO facts VALUES ('state', ?)", how).result()
    ledger.apply(_facts(reserved_usd=0.0)).result()


def _open(ledger: Ledger) -> int:
    """How many rows have no outcome."""
    (count,) = next(ledger.query("SELECT COUNT(*) FROM items LEFT JOIN outcomes USING (id) WHERE outcomes.id IS NULL"))
    return int(count)


def _begin(ledger: Ledger, job: Job, watch: Watch, new: int) -> int:
    """Record that a session begins; says what differs from the last one, though it changes no record."""
    (watch.total,) = next(ledger.query("SELECT COUNT(*) FROM items"))
    watch.done_before = watch.total - _open(ledger)
    harmless = _harmless(job)
    last = ledger.fact("harmless")
    changes = [] if last is None else list(differences(json.loads(last), harmless))
    watch.notes += [f"changed since the last session: {change}" for change in changes]
    if new and watch.total > new:
        watch.notes.append(f"{new} questions were added; the run now has {watch.total}")
    if job.intake.survey.wanted < watch.total:
        watch.notes.append(f"the run has {watch.total} questions from earlier commands; all of them stay in it")
    ledger.write("INSERT OR REPLACE INTO facts VALUES ('harmless', ?)", json.dumps(harmless)).result()
    ledger.write("INSERT OR REPLACE INTO facts VALUES ('state', 'running')").result()
    values = (time.time(), socket.gethostname(), os.getpid(), json.dumps(changes))
    sql = "INSERT INTO sessions (started, host, pid, changes) VALUES (?, ?, ?, ?)"
    ledger.write(sql, *values).result()
    (session,) = next(ledger.query("SELECT MAX(session) FROM sessions"))
    return int(session)


def _harmless(job: Job) -> dict[str, Any]:
    """What may change between sessions: addresses, names of key variables, limits, the selection."""
    recipe = job.recipe
    told = {name: recipe.model(name).model_dump(mode="json") for name in recipe.used}
    return {
        "limits": recipe.limits.model_dump(mode="json"),
        "models": {name: _addresses(entry) for name, entry in told.items()},
        "limit": job.intake.selection.limit,
        "sample": job.intake.selection.sample,
    }


def _addresses(entry: dict[str, Any]) -> dict[str, Any]:
    names = ("backend", "base_url", "endpoint", "api_version", "api_key_env", "timeout", "price")
    return {name: entry[name] for name in names if name in entry}


@contextmanager
def _elder(folder: RunDirectory) -> Iterator[Elder]:
    if not folder.exists:
        raise RunDirectoryError(f"--fork {folder.path}: there is no run")
    with closing(folder.reader()) as ledger:
        yield Elder(ledger, folder.path.name)


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    """The first SIGINT or SIGTERM asks the run to stop, the second one ends it at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def asked() -> None:
        if stop.wanted and task is not None:
            task.cancel()
        stop.ask(Drained("interrupted"))

    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in numbers:
            loop.add_signal_handler(number, asked)
    except (NotImplementedError, RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
