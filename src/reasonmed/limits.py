"""Layers between the ledger and a back end: how many requests are open, and what is sent again.

Both know the run's ``Stop``: once it is set, no new request goes out, and nothing sleeps on.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from typing import TYPE_CHECKING

from reasonmed.errors import BackendError, ControlError, Drained, Overloaded, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.types import Backend, Completion, Request


class Stop:
    """Says that a run is to end: no new requests, open ones finish."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.reason: ControlError | None = None

    @property
    def wanted(self) -> bool:
        """Whether the run is to end."""
        return self._event.is_set()

    def ask(self, reason: ControlError) -> None:
        """Ask the run to end; the first reason counts."""
        if self.reason is None:
            self.reason = reason
        self._event.set()

    def check(self) -> None:
        """Raise Drained once the run is to end."""
        if self.wanted:
            raise Drained("the run takes no new requests")

    async def sleep(self, seconds: float) -> None:
        """Wait; raise Drained as soon as the run is to end."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        self.check()


class Gate:
    """So many requests may be open; of those that wait, later stages go first, then first come, first served."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def enter(self, rank: int) -> None:
        """Wait for a place; the highest rank goes first."""
        if self._free > 0:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-rank, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """Give the place to the next in line."""
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Gated:
    """Sends a request when the gate has a place for it."""

    def __init__(self, inner: Backend, gate: Gate, stop: Stop, ranks: Mapping[str, int]) -> None:
        self._inner, self._gate, self._stop, self._ranks = inner, gate, stop, ranks

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        self._stop.check()
        await self._gate.enter(self._ranks.get(request.stage, 0))
        try:
            self._stop.check()
            return await self._inner.complete(request)
        finally:
            self._gate.leave()

    async def aclose(self) -> None:
        """Close the back end."""
        await self._inner.aclose()


class Retrying:
    """Sends again what a service could not answer, with waits that grow and are drawn, and honor Retry-After.

    A service that answers nothing for ``tries`` times ends the run, not the question.
    """

    def __init__(self, inner: Backend, stop: Stop, *, tries: int, longest: float = 60.0) -> None:
        self._inner, self._stop, self._tries, self._longest = inner, stop, tries, longest

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        for attempt in itertools.count(1):
            try:
                return await self._inner.complete(request)
            except BackendError as failed:
                if not failed.retryable:
                    raise
                if attempt >= self._tries:
                    raise Unavailable(f"no answer in {attempt} tries: {failed}") from failed
                await self._stop.sleep(self._wait(failed, attempt))
        raise AssertionError("unreachable")

    def _wait(self, failed: BackendError, attempt: int) -> float:
        asked = failed.retry_after if isinstance(failed, Overloaded) else None
        grown = min(self._longest, 0.5 * 2 ** (attempt - 1))
        drawn: float = grown * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing
        return drawn if asked is None else min(asked, 10 * self._longest) + drawn / 4

    async def aclose(self) -> None:
        """Close the back end."""
        await self._inner.aclose()
