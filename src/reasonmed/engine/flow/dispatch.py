"""The layer that sends a request to an endpoint of its model, when the scheduler and the budget have room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

from reasonmed.errors import (
    BackendError,
    CredentialRejected,
    ModelNotServed,
    RequestRejected,
    SetAside,
    Unreachable,
)

if TYPE_CHECKING:
    import asyncio

    from reasonmed.backends._prices import Price
    from reasonmed.engine.flow.budget import Budget
    from reasonmed.engine.flow.endpoint import Endpoint
    from reasonmed.engine.flow.meter import Meter
    from reasonmed.engine.flow.rejections import Refusal
    from reasonmed.engine.flow.scheduler import Pool, Scheduler
    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.flow.verdicts import Verdicts
    from reasonmed.exchange import Completion, Request


_ONE_REQUEST = (403, 404)
"""Statuses that may speak of one request alone, though nothing in their text says so."""


class Controls(Protocol):
    """What this layer needs of a run's control."""

    scheduler: Scheduler
    stop: Stop
    meter: Meter
    budget: Budget
    verdicts: Verdicts

    def rank(self, stage: str) -> int:
        """How soon a stage's requests go."""
        ...


class _Held(NamedTuple):
    """A refusal that waits until it is known whose fault it is."""

    refusal: Refusal
    verdict: asyncio.Future[None]


class Dispatched:
    """One model over its endpoints."""

    def __init__(self, pool: Pool, control: Controls, price: Price | None) -> None:
        self._pool, self._control, self._price = pool, control, price

    async def complete(self, request: Request) -> Completion:
        """Answer a request.

        Raises:
            RequestRejected: for a fault of its own; until that is known it waits.
            SetAside: the endpoint refuses this request and answers others, and nothing says why.
        """
        control, pool, held = self._control, self._pool, None
        control.stop.check()
        traffic = control.meter.stages[request.stage]
        estimate = pool.endpoints[0].estimate(request)
        traffic.waiting += 1
        try:
            endpoint = await control.scheduler.enter(pool, control.rank(request.stage), estimate, request.prefix)
        finally:
            traffic.waiting -= 1
        traffic.in_flight += 1
        sent = endpoint.clock()
        try:
            if control.budget.cap is None or self._price is None:
                completion = await endpoint.backend.complete(request)
            else:
                completion = await self._paid(endpoint, request, self._price)
        except (RequestRejected, CredentialRejected, ModelNotServed) as refusal:
            control.meter.failed(refusal)
            endpoint.refused()
            if not _may_be_its_own(refusal, endpoint):
                raise
            held = _Held(refusal, endpoint.rejections.add(request.question_id, refusal, endpoint.clock()))
        except BackendError as failed:
            control.meter.failed(failed)
            endpoint.failed(estimate, failed, sent)
            raise
        else:
            endpoint.answered(estimate, completion, sent)
        finally:
            traffic.in_flight -= 1
            control.scheduler.leave(endpoint)
            control.verdicts.look(endpoint)
        if held is not None:
            await self._raise(held)
        pool.rest()
        control.meter.answered(request, completion)
        return completion

    async def _raise(self, held: _Held) -> NoReturn:
        """Raise a refusal, once it is known whose fault it is."""
        await self._control.verdicts.wait(held.verdict)
        if isinstance(held.refusal, RequestRejected):
            raise held.refusal
        raise SetAside(f"refused, while others were answered: {held.refusal}") from held.refusal

    async def _paid(self, endpoint: Endpoint, request: Request, price: Price) -> Completion:
        """Send under the cap on money."""
        budget = self._control.budget
        async with budget.reserve(price.worst(request)) as reservation:
            try:
                completion = await endpoint.backend.complete(request)
            except Unreachable:
                await budget.lost(reservation.worst)
                raise
            except BackendError:
                reservation.cost = 0.0
                raise
            reservation.cost = price.of(completion)
            return completion

    async def aclose(self) -> None:
        """Close the back ends of all endpoints."""
        for endpoint in self._pool.endpoints:
            await endpoint.backend.aclose()


def _may_be_its_own(refusal: Refusal, endpoint: Endpoint) -> bool:
    """Whether a refusal may be the request's own fault though it looks like the endpoint's, or the other way round.

    A back end in this process, which gives no status, knows its own mind.
    """
    if isinstance(refusal, RequestRejected):
        return refusal.status != 0
    return refusal.status in _ONE_REQUEST and endpoint.rejections.proven
