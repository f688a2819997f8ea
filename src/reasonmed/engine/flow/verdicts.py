"""Decides over held rejections: when an endpoint ends the run, and when nothing more is to come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from reasonmed.errors import Drained

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasonmed.engine.flow.endpoint import Endpoint
    from reasonmed.engine.flow.meter import Meter
    from reasonmed.engine.flow.scheduler import Scheduler
    from reasonmed.engine.flow.stop import Stop

_LOOK = 0.2
_STILL = 1.0
"""Seconds without any other request after which nothing more is to come."""


class Verdicts:
    """Decides over the held rejections of all endpoints of a run.

    Args:
        scheduler: knows the endpoints.
        stop: is asked to end the run where an endpoint rejects everything.
        meter: knows what else is under way.
        clock: the time in seconds.
    """

    def __init__(self, scheduler: Scheduler, stop: Stop, meter: Meter, clock: Callable[[], float]) -> None:
        self._scheduler, self._stop, self._meter, self._clock = scheduler, stop, meter, clock
        self._timer: asyncio.TimerHandle | None = None
        stop.tell(self._drop)

    def look(self, endpoint: Endpoint) -> None:
        """A request has ended at an endpoint: end the run if that was one rejection too many."""
        guilt = endpoint.rejections.guilt(endpoint.in_flight)
        if guilt is not None:
            self._stop.ask(guilt)

    async def wait(self, verdict: asyncio.Future[None]) -> None:
        """Wait until it is known that a rejection is the request's own fault.

        Raises:
            Drained: the run ends before that, or for that.
        """
        if self._stop.wanted and not verdict.done():
            raise Drained("the run takes no new requests")
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK, self._again)
        await verdict

    def _again(self) -> None:
        """Look whether anything but held rejections is under way, for as long as there are any."""
        self._timer = None
        endpoints = [endpoint.rejections for pool in self._scheduler.pools for endpoint in pool.endpoints]
        held = sum(one.held for one in endpoints)
        if not held:
            return
        under_way = any(pool.in_flight or pool.waiting for pool in self._scheduler.pools)
        if not under_way and self._meter.busy <= held and self._clock() - self._meter.moved >= _STILL:
            for reason in filter(None, [one.conclude() for one in endpoints]):
                self._stop.ask(reason)
        self._timer = asyncio.get_running_loop().call_later(_LOOK, self._again)

    def _drop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for pool in self._scheduler.pools:
            for endpoint in pool.endpoints:
                endpoint.rejections.drop()
