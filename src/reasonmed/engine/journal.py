"""The journal: a request on record is answered from the ledger, so that resume is replay.

A new reply goes on record before it is used. With an older run's ledger at hand, its replies serve this run too.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.engine.ledger import Call, Ledger
from reasonmed.errors import RequestRejected
from reasonmed.exchange import without_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.backends import Backend
    from reasonmed.backends._prices import Price
    from reasonmed.engine.flow.meter import Meter
    from reasonmed.exchange import Completion, Request


class Elder(NamedTuple):
    """The ledger of an older run, and the name under which what it lends is recorded."""

    ledger: Ledger
    name: str


class Journaled:
    """Answers from the ledger what is on record, and puts on record what is not, before it is used.

    Equal requests under way at the same time are sent once.
    """

    def __init__(
        self, inner: Backend, ledger: Ledger, meter: Meter, elders: Sequence[Elder] = (), price: Price | None = None
    ) -> None:
        self._inner, self._ledger, self._meter, self._elders = inner, ledger, meter, elders
        self._price = price
        self._served: list[str] | None = None
        self._under_way: dict[tuple[bytes, int], asyncio.Future[None] | None] = {}

    async def complete(self, request: Request) -> Completion:
        """Answer a request, from the ledger where it is there."""
        try:
            found = self._ledger.find(request)
        except RequestRejected as rejected:
            self._meter.refused(request, rejected)
            raise
        if found is not None:
            self._meter.replayed(request)
            return found
        name = (request.key, request.sampling.max_tokens)
        if name in self._under_way:
            return await self._join(name, request)
        self._under_way[name] = None
        self._meter.move(1)
        try:
            return await self._ask(request)
        finally:
            self._meter.move(-1)
            others = self._under_way.pop(name)
            if others is not None and not others.done():
                others.set_result(None)

    async def _join(self, name: tuple[bytes, int], request: Request) -> Completion:
        """Wait until an equal request has ended, then look again."""
        others = self._under_way[name]
        if others is None:
            others = self._under_way[name] = asyncio.get_running_loop().create_future()
        await asyncio.shield(others)
        return await self.complete(request)

    async def _ask(self, request: Request) -> Completion:
        started = time.perf_counter()
        lent = self._lent(request)
        if lent is not None:
            outcome, call = lent
        else:
            try:
                outcome = await self._inner.complete(request)
            except RequestRejected as rejected:
                outcome = rejected
            call = Call(time.perf_counter() - started, self._cost(request, outcome, self._price))
        if isinstance(outcome, RequestRejected):
            await self._ledger.record(request, outcome, call)
            self._meter.refused(request, outcome)
            raise outcome
        return await self._keep(request, outcome, call)

    async def take(
        self, request: Request, outcome: Completion | RequestRejected, price: Price | None, held: str
    ) -> float:
        """Record the answer to a request that was held for a batch; returns its cost in USD."""
        cost = self._cost(request, outcome, price)
        if isinstance(outcome, RequestRejected):
            await self._ledger.record(request, outcome, Call(0.0, cost), held)
        else:
            await self._keep(request, outcome, Call(0.0, cost), held)
            self._meter.answered(request, outcome)
        return cost or 0.0

    async def _keep(self, request: Request, reply: Completion, call: Call, held: str = "") -> Completion:
        reply = without_keys(reply)
        await self._ledger.record(request, reply, call, held)
        if reply.served is not None:
            await self._note_served(request.model, reply.served)
        return reply

    async def _note_served(self, model: str, served: str) -> None:
        """Remember the name under which the endpoint serves the model, and say so where it had another one before."""
        if self._served is None:
            self._served = self._ledger.told(f"served {model}", list[str]) or []
        if served in self._served:
            return
        if self._served:
            before = ", ".join(self._served)
            self._meter.notes.append(
                f"{model} is now served as {served}, before as {before}: records say which (`served`)"
            )
        self._served.append(served)
        names = json.dumps(self._served)
        await self._ledger.note_soon(f"served {model}", names)

    def _cost(self, request: Request, outcome: Completion | RequestRejected, price: Price | None) -> float | None:
        """What a call cost; at its worst where the endpoint counted no tokens, None where no price is known."""
        if price is None:
            self._meter.unpriced += 1
            return None
        if isinstance(outcome, RequestRejected):
            return 0.0
        cost = price.of(outcome)
        cost = price.worst(request) if cost is None else cost
        self._meter.spent += cost
        return cost

    def _lent(self, request: Request) -> tuple[Completion | RequestRejected, Call] | None:
        for elder in self._elders:
            try:
                found: Completion | RequestRejected | None = elder.ledger.find(request)
            except RequestRejected as rejected:
                found = rejected
            if found is not None:
                return found, Call(0.0, cost=0.0, reused_from=elder.name)
        return None

    async def aclose(self) -> None:
        """Close the back end; the ledgers stay open."""
        await self._inner.aclose()
