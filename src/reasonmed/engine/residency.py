"""Residency: models that share this machine's memory take turns in it.

A model stays open while anything can be done with it; then the one that is asked last by the earliest stage comes in.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Amount, Count
from reasonmed.errors import Parked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from reasonmed.backends import Backend, Resident
    from reasonmed.engine.flow.stop import Stop
    from reasonmed.exchange import Completion, Request


class Opening(Struct, frozen=True):
    """A model that was loaded: for the requests of which stage, how many questions waited for it, and how long it took.

    The first ones of a session are loaded when they are asked, and no question waits.
    """

    model: str
    stage: str
    questions: Count
    seconds: Amount


class Turned(Struct):
    """What became of the models of a run that take turns, over all its sessions."""

    switches: Count = 0
    """How often a model left memory for another."""
    open: list[str] = []
    """Those in memory, or that were when the last session ended."""
    waiting: dict[str, Count] = {}
    """How many questions waited for each model at the last switch."""
    openings: list[Opening] = []


class Residency:
    """Which models are in memory: up to ``room`` at once.

    Args:
        room: how many.
        stop: the run's; ends the wait for a model that is being loaded.
        turned: what became of them in earlier sessions; continued here.
        note: remembers that.
    """

    def __init__(self, room: int, stop: Stop, turned: Turned, note: Callable[[Turned], Awaitable[None]]) -> None:
        self._room, self._stop, self.turned, self._note = room, stop, turned, note
        self._models: dict[str, Sequence[Resident]] = {}
        self._open: set[str] = set()
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[str, Counter[str]] = {}
        self._before = frozenset(turned.open)
        """Those that were open when the last session ended; nothing else comes in before the first turn."""

    def add(self, name: str, model: Sequence[Resident], inner: Backend) -> InTurn:
        """Take a model in, behind those that are to have their turns before it; gives it with a layer that waits.

        What has one name is in memory together.
        """
        self._models[name] = [*self._models.pop(name, ()), *model]
        return InTurn(inner, name, self)

    def ready(self, wait: str) -> bool:
        """Whether a model is open."""
        return wait in self._open

    async def enter(self, name: str, stage: str) -> None:
        """Return when a model is open.

        Raises:
            Parked: others have the memory.
        """
        if name in self._open:
            return
        if name not in self._loading:
            if not self._may_come(name):
                self._asked.setdefault(name, Counter())[stage] += 1
                raise Parked(frozenset({name}))
            self._loading[name] = asyncio.create_task(self._load(name, stage, 0))
        await self._stop.unless(asyncio.shield(self._loading[name]))

    def _may_come(self, name: str) -> bool:
        fits = len(self._open) + len(self._loading) < self._room
        return fits and (not self._before or name in self._before)

    async def turn(self, waits: Mapping[str, int]) -> bool:
        """Nothing more can be done with what is open: let the next model in, and another one out for it."""
        wanted = next((name for name in self._models if waits.get(name)), None)
        if wanted is None:
            return False
        self._before = frozenset()
        self.turned.waiting = dict(waits)
        if len(self._open) >= self._room:
            await self._leave(next(name for name in self._models if name in self._open))
            self.turned.switches += 1
        asked = self._asked.pop(wanted)
        await self._load(wanted, max(asked, key=lambda stage: asked[stage]), waits[wanted])
        return True

    async def _load(self, name: str, stage: str, questions: int) -> None:
        began = time.monotonic()
        try:
            await asyncio.gather(*(one.open() for one in self._models[name]))
        finally:
            self._loading.pop(name, None)
        self._open.add(name)
        self.turned.open = sorted(self._open)
        self.turned.openings.append(Opening(name, stage, questions, round(time.monotonic() - began, 1)))
        await self._note(self.turned)

    async def _leave(self, name: str) -> None:
        self._open.discard(name)
        for one in self._models[name]:
            await one.close()

    async def aclose(self) -> None:
        """Wait for nobody any more."""
        for task in (*self._loading.values(),):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class InTurn:
    """The layer of a model that shares memory: answers while the model is open, else the question is parked."""

    def __init__(self, inner: Backend, name: str, residency: Residency) -> None:
        self._inner, self._name, self._residency = inner, name, residency

    async def complete(self, request: Request) -> Completion:
        """Answer a request.

        Raises:
            Parked: the model is not open now.
        """
        await self._residency.enter(self._name, request.stage)
        return await self._inner.complete(request)

    async def aclose(self) -> None:
        """Close the back end."""
        await self._residency.aclose()
        await self._inner.aclose()
