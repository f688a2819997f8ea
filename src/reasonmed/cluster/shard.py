"""The actor that works on one shard: its ledger on the node's own disk, copied to the run's folder as it grows."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import platform
import secrets
import shutil
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reasonmed import __version__
from reasonmed.cluster.engines import connecting, fault_of, ready
from reasonmed.cluster.places import held, place_of, read_session
from reasonmed.engine.ledger import Ledger
from reasonmed.engine.ledger.copies import begin_from, copy_ledger
from reasonmed.errors import Drained, ReasonMedError, RunDirectoryError, UsageError
from reasonmed.files import check_own_folder, make_folder
from reasonmed.runs.commands.run import scoring, synthesis
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.job import Means, execute, recipe_job
from reasonmed.runs.progress import Watch
from reasonmed.runs.session import budget_of, spent
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.cluster.connecting import Handle
    from reasonmed.cluster.engines import Fault
    from reasonmed.cluster.limits import Begun
    from reasonmed.engine.flow.budget import Budget
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.job import RunJob
    from reasonmed.runs.progress import Snapshot
    from reasonmed.runs.shards import Shard
    from reasonmed.types import Story

_SHARE_EVERY = 5.0
"""Seconds between two looks at the part of the rates."""


class Keys(dict[str, str]):
    """Keys by their variables, which no text shows."""

    def __repr__(self) -> str:
        return "Keys(***)"


class Task(NamedTuple):
    """What a shard's actor is to do; sent with a call, so that it is in the memory of two processes only."""

    version: str
    run: str
    shard: Shard
    token: str
    recipe: Recipe
    keys: Keys
    forks: tuple[str, ...]
    scores: bool
    """Whether all records are scored, so that a shard may score its own."""
    copy_every: float
    patience: float
    limits: Handle
    engines: Mapping[str, list[Handle]]


class Look(NamedTuple):
    """How a shard's work goes."""

    node: str
    snapshot: Snapshot
    copies: int
    notes: list[str]


class Work:
    """One shard's work, from the claim on it to the last copy."""

    def __init__(self, task: Task) -> None:
        self._task, self._place = task, place_of(Path(task.run), task.shard)
        self._holder = secrets.token_hex(8)
        self._found: str | None = None
        self.watch, self.copies = Watch(), 0
        self._over, self.drained = asyncio.Event(), False

    async def do(self) -> Fault | None:
        """Do it; returns why it ended before its end."""
        task = self._task
        if task.version != __version__:
            return fault_of(UsageError(f"{platform.node()} has reasonmed {__version__}, the driver {task.version}"))
        os.environ.update(task.keys)
        try:
            self._check_shared()
            with ExitStack() as stack:
                await asyncio.to_thread(stack.enter_context, held(self._place, task.patience))
                return await self._work()
        except ReasonMedError as failed:
            return fault_of(failed)

    def _check_shared(self) -> None:
        """See that the run's folder is the same one here as at the driver."""
        try:
            token = read_session(Path(self._task.run)).token
        except RunDirectoryError as unread:
            token = str(unread)
        if token != self._task.token:
            raise RunDirectoryError(
                f"{self._task.run} is not the run's folder on {platform.node()}: all nodes must share it; give -o a "
                "folder of a file system that they have in common"
            )

    async def _work(self) -> Fault | None:
        local = local_folder(self._task.run, self._place)
        self._found = begin_at(local, self._place, self._task.token)
        ended: Fault | None = None
        copier = asyncio.create_task(self._copy_on(local))
        sharer = asyncio.create_task(self._share_on())
        try:
            await execute(self._job(local), self.watch, heeds=False, means=self._means())
        except ReasonMedError as failed:
            ended = fault_of(failed)
        finally:
            sharer.cancel()
            self._over.set()  # a copy that is being made is waited for: nothing can end it
            await asyncio.gather(copier, sharer, return_exceptions=True)
        await self._copy(local)
        with closing(local.reader()) as ledger:
            used = spent(ledger) - ledger.usd("base_usd")
        await self._task.limits.done.remote(self._place.path.name, self._holder, used)
        shutil.rmtree(local.path)
        return ended

    def _job(self, local: RunDirectory) -> RunJob[Story, Story]:
        recipe = self._task.recipe
        job = recipe_job("run", recipe, recipe.stages.names, synthesis(recipe), folder=local, intake=None)
        return dataclasses.replace(
            job,
            against=tuple(msgspec.to_builtins(self._place.manifest().against)),
            forks=tuple(RunDirectory(Path(one)) for one in self._task.forks),
            after=scoring(recipe, None) if self._task.scores else None,
        )

    def _means(self) -> Means:
        return Means(connecting(self._task.engines), ready, self._budget)

    async def _budget(self, cap: float | None, ledger: Ledger) -> Budget:
        """This shard's slice of the money; ``cap`` is that of all shards."""
        name, limits = self._place.path.name, self._task.limits

        async def grow(missing: float) -> float:
            got: float = await limits.more.remote(name, self._holder, missing)  # type: ignore[assignment]
            return got

        reserved = ledger.usd("reserved_usd")
        budget = budget_of(cap, ledger, grow)
        if ledger.fact("session") != self._task.token:
            ledger.note(session=self._task.token, base_usd=repr(budget.spent))
        used = budget.spent - ledger.usd("base_usd")
        begun: Begun = await limits.begin.remote(name, self._holder, self._found, used, reserved)  # type: ignore[assignment]
        ledger.note(holder=self._holder)
        if begun.lost:
            await budget.lost(begun.lost)
        budget.spent, budget.cap = used + begun.lost, begun.granted
        return budget

    async def _copy_on(self, local: RunDirectory) -> None:
        while not await happens(self._over, self._task.copy_every):
            try:
                await self._copy(local)
            except ReasonMedError as failed:  # the last copy raises; until then there may be room again
                self.watch.notes.append(str(failed))

    async def _copy(self, local: RunDirectory) -> None:
        if local.ledger_path.exists():
            await asyncio.to_thread(copy_ledger, local.ledger_path, self._place.ledger_path)
            self.copies += 1

    async def _share_on(self) -> None:
        """Use this shard's part of what endpoints allow a minute, and stop where that was asked."""
        while True:
            control = self.watch.control
            if control is not None:
                part: float = await self._task.limits.part.remote()  # type: ignore[assignment]
                control.share(part * self._task.shard.of)
                if self.drained:
                    control.stop.ask(Drained("interrupted"))
            await asyncio.sleep(_SHARE_EVERY if control is not None else 0.01)

    def drain(self) -> None:
        """Let what is under way end."""
        self.drained = True
        if self.watch.control is not None:
            self.watch.control.stop.ask(Drained("interrupted"))


class ShardActor:
    """The actor."""

    def __init__(self) -> None:
        self._work: Work | None = None
        self._doing: asyncio.Task[Fault | None] | None = None

    async def run(self, task: Task) -> Fault | None:
        """Do the work; whoever asks again gets the end of what is under way."""
        if self._doing is None:
            self._work = Work(task)
            self._doing = asyncio.create_task(self._work.do())
        return await asyncio.shield(self._doing)

    async def look(self) -> Look | None:
        """How it goes."""
        if self._work is None:
            return None
        watch = self._work.watch
        notes, watch.notes[:] = [*watch.notes], []
        return Look(platform.node(), watch.snapshot(), self._work.copies, notes)

    async def drain(self) -> None:
        """Let what is under way end."""
        if self._work is not None:
            self._work.drain()


async def happens(event: asyncio.Event, within: float) -> bool:
    """Whether an event happens within this number of seconds."""
    try:
        await asyncio.wait_for(event.wait(), within)
    except TimeoutError:
        return False
    return True


def local_folder(run: str, place: RunDirectory) -> RunDirectory:
    """Where a node keeps a shard's ledger: on its own disk, for its owner alone."""
    root = Path(gettempdir(), f"reasonmed-{os.getuid()}")
    make_folder(root)
    check_own_folder(root)
    return RunDirectory(root / digest((run, place.manifest().started), 8) / place.path.name)


def begin_at(local: RunDirectory, place: RunDirectory, token: str) -> str | None:
    """Put the newest ledger that there is into a node's own folder; says whose whole ledger it is.

    That is the copy, and what an actor that died on this node had not copied yet.
    """
    new, old = (local.path.with_name(local.path.name + end) for end in (".new", ".old"))
    for one in (new, old):
        shutil.rmtree(one, ignore_errors=True)
    make_folder(new)
    shutil.copyfile(place.manifest_path, new / local.manifest_path.name)
    begin_from(place.ledger_path, new / local.ledger_path.name)
    with closing(Ledger(new / local.ledger_path.name)) as ledger:
        found = ledger.fact("holder") if ledger.fact("state") != "running" else None
        if local.exists:
            with local.lock(), closing(Ledger(local.ledger_path)) as left:
                ledger.follow(left, {})
                if left.fact("session") == token:
                    found = left.fact("holder")
                    _take_money(ledger, left)
    if local.path.exists():
        local.path.rename(old)
    new.rename(local.path)
    shutil.rmtree(old, ignore_errors=True)
    return found


def _take_money(ledger: Ledger, left: Ledger) -> None:
    """Take over what a predecessor in this session noted of money."""
    amounts = {name: repr(max(ledger.usd(name), left.usd(name))) for name in ("lost_usd", "reserved_usd")}
    ledger.note(session=left.fact("session") or "", base_usd=left.fact("base_usd") or "0.0", **amounts)
