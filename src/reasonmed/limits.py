"""Layers between the ledger and a back end: how many requests are open, and what is sent again.

Both know the run's ``Stop``: once it is set, no new request goes out, and nothing sleeps on.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections import Counter, defaultdict
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


class Traffic:
    """One stage's requests so far in this process."""

    __slots__ = ("completion_tokens", "done", "in_flight", "prompt_tokens", "replayed", "waiting")

    def __init__(self) -> None:
        self.waiting = self.in_flight = self.done = self.replayed = 0
        self.prompt_tokens = self.completion_tokens = 0


class Meter:
    """What a live view shows: traffic by stage, and faults by kind."""

    def __init__(self) -> None:
        self.stages: defaultdict[str, Traffic] = defaultdict(Traffic)
        self.faults: Counter[str] = Counter()

    def replayed(self, request: Request) -> None:
        """A request was answered from the ledger."""
        self.stages[request.stage].replayed += 1

    def answered(self, request: Request, completion: Completion) -> None:
        """A request was answered by its endpoint."""
        stage = self.stages[request.stage]
        stage.done += 1
        stage.prompt_tokens += completion.prompt_tokens or 0
        stage.completion_tokens += completion.completion_tokens or 0


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

    def __init__(self, inner: Backend, gate: Gate, stop: Stop, meter: Meter, ranks: Mapping[str, int]) -> None:
        self._inner, self._gate, self._stop, self._meter, self._ranks = inner, gate, stop, meter, ranks

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        self._stop.check()
        traffic = self._meter.stages[request.stage]
        traffic.waiting += 1
        try:
            await self._gate.enter(self._ranks.get(request.stage, 0))
        finally:
            traffic.waiting -= 1
        traffic.in_flight += 1
        try:
            self._stop.check()
            completion = await self._inner.complete(request)
        finally:
            traffic.in_flight -= 1
            self._gate.leave()
        self._meter.answered(request, completion)
        return completion

    async def aclose(self) -> None:
        """Close the back end."""
        await self._inner.aclose()


class Retrying:
    """Sends again what a service could not answer, with waits that grow and are drawn, and honor Retry-After.

    A service that answers nothing for ``tries`` times ends the run, not the question.
    """

    def __init__(self, inner: Backend, stop: Stop, meter: Meter, *, tries: int, longest: float = 60.0) -> None:
        self._inner, self._stop, self._meter = inner, stop, meter
        self._tries, self._longest = tries, longest

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        for attempt in itertools.count(1):
            try:
                return await self._inner.complete(request)
            except BackendError as failed:
                self._meter.faults[type(failed).__name__] += 1
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
