"""The layer that sends a request to an endpoint of its model, when the scheduler and the budget have room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reasonmed.errors import BackendError, Unreachable

if TYPE_CHECKING:
    from reasonmed.backends._prices import Price
    from reasonmed.engine.flow.budget import Budget, Reservation
    from reasonmed.engine.flow.endpoint import Endpoint
    from reasonmed.engine.flow.meter import Meter
    from reasonmed.engine.flow.scheduler import Pool, Scheduler
    from reasonmed.engine.flow.stop import Stop
    from reasonmed.types import Completion, Request


class Controls(Protocol):
    """What this layer needs of a run's control."""

    scheduler: Scheduler
    stop: Stop
    meter: Meter
    budget: Budget

    def rank(self, stage: str) -> int:
        """How soon a stage's requests go."""
        ...


class Dispatched:
    """One model over its endpoints."""

    def __init__(self, pool: Pool, control: Controls, price: Price | None) -> None:
        self._pool, self._control, self._price = pool, control, price

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        control, pool = self._control, self._pool
        control.stop.check()
        traffic = control.meter.stages[request.stage]
        estimate = pool.endpoints[0].estimate(request)
        traffic.waiting += 1
        try:
            endpoint = await control.scheduler.enter(pool, control.rank(request.stage), estimate)
        finally:
            traffic.waiting -= 1
        traffic.in_flight += 1
        try:
            completion = await self._afford(endpoint, request)
        except BackendError as failed:
            endpoint.failed(estimate, failed)
            raise
        else:
            endpoint.answered(estimate, completion)
        finally:
            traffic.in_flight -= 1
            control.scheduler.leave(endpoint)
        control.meter.answered(request, completion)
        return completion

    async def _afford(self, endpoint: Endpoint, request: Request) -> Completion:
        """Send under the cap on money, if there is one."""
        budget = self._control.budget
        if budget.cap is None or self._price is None:
            return await endpoint.backend.complete(request)
        async with budget.reserve(self._price.worst(request)) as reservation:
            return await self._settled(endpoint, request, reservation, self._price)

    async def _settled(
        self, endpoint: Endpoint, request: Request, reservation: Reservation, price: Price
    ) -> Completion:
        try:
            completion = await endpoint.backend.complete(request)
        except Unreachable:
            await self._control.budget.lost(reservation.worst)
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
