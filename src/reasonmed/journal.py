"""The journal: a request on record is answered from the ledger, so that resume is replay.

A new reply goes on record before it is used. With an older run's ledger at hand, its replies serve this run too.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import RequestRejected
from reasonmed.ledger import Call, Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.limits import Meter
    from reasonmed.types import Backend, Completion, Request


class Elder(NamedTuple):
    """The ledger of an older run, and the name under which what it lends is recorded."""

    ledger: Ledger
    name: str


class Journaled:
    """Answers from the ledger what is on record, and puts on record what is not, before it is used.

    Equal requests under way at the same time are sent once.
    """

    def __init__(self, inner: Backend, ledger: Ledger, meter: Meter, elders: Sequence[Elder] = ()) -> None:
        self._inner, self._ledger, self._meter, self._elders = inner, ledger, meter, elders
        self._under_way: dict[tuple[bytes, int], asyncio.Future[Completion]] = {}

    async def complete(self, request: Request) -> Completion:
        """Answer a request, from the ledger where it is there."""
        found = self._ledger.find(request)
        if found is not None:
            self._meter.replayed(request)
            return found
        name = (request.key, request.sampling.max_tokens)
        running = self._under_way.get(name)
        if running is None:
            running = asyncio.ensure_future(self._ask(request))
            self._under_way[name] = running
            running.add_done_callback(lambda _: self._under_way.pop(name, None))
        return await asyncio.shield(running)

    async def _ask(self, request: Request) -> Completion:
        started = time.perf_counter()
        lent = self._lent(request)
        if lent is not None:
            outcome, call = lent
        else:
            outcome = await self._sent(request)
            call = Call(time.perf_counter() - started)
        await asyncio.wrap_future(self._ledger.record(request, outcome, call))
        if isinstance(outcome, RequestRejected):
            raise outcome
        return outcome

    def _lent(self, request: Request) -> tuple[Completion | RequestRejected, Call] | None:
        for elder in self._elders:
            try:
                found: Completion | RequestRejected | None = elder.ledger.find(request)
            except RequestRejected as rejected:
                found = rejected
            if found is not None:
                return found, Call(0.0, cost=0.0, reused_from=elder.name)
        return None

    async def _sent(self, request: Request) -> Completion | RequestRejected:
        try:
            return await self._inner.complete(request)
        except RequestRejected as rejected:
            return rejected

    async def aclose(self) -> None:
        """Close the back end; the ledgers stay open."""
        await self._inner.aclose()
