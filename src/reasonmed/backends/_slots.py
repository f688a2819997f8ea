"""The slots of a server that keeps the last prompt of each: requests that begin alike go to one slot, one by one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Slots:
    """Gives requests slots, so that a prompt that several share is evaluated once where there is other work meanwhile.

    A slot that is free takes a request that begins like its last one; else the first request that begins like nothing
    that is under way, or simply the first. What arrives together is looked at together.

    Args:
        count: slots of the server.
    """

    def __init__(self, count: int) -> None:
        self._idle = dict.fromkeys(range(count), "")
        """Prefix of the last request of each free slot; the longest unused slot first."""
        self._busy: dict[int, str] = {}
        self._waiting: list[tuple[str, asyncio.Future[int]]] = []
        self._is_due = False

    @asynccontextmanager
    async def one(self, prefix: str) -> AsyncIterator[int]:
        """A slot for a request; ``prefix`` is equal for those that begin alike, and empty where that is not known."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[int] = loop.create_future()
        self._waiting.append((prefix, turn))
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._assign)
        try:
            slot = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(turn.result())
            raise
        try:
            yield slot
        finally:
            self._give_back(slot)

    def _give_back(self, slot: int) -> None:
        self._idle[slot] = self._busy.pop(slot)
        self._assign()

    def _assign(self) -> None:
        self._is_due = False
        self._waiting = [one for one in self._waiting if not one[1].done()]
        while self._idle and self._waiting:
            place, slot = self._best()
            prefix, turn = self._waiting.pop(place)
            del self._idle[slot]
            self._busy[slot] = prefix
            turn.set_result(slot)

    def _best(self) -> tuple[int, int]:
        """Which of the waiting requests goes to which slot next."""
        last = {prefix: slot for slot, prefix in self._idle.items() if prefix}
        for place, (prefix, _) in enumerate(self._waiting):
            if prefix in last:
                return place, last[prefix]
        under_way = {*self._busy.values()}
        new = (place for place, (prefix, _) in enumerate(self._waiting) if prefix not in under_way)
        return next(new, 0), next(iter(self._idle))
