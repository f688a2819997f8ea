"""The layer that sends again what a service could not answer, by class of fault.

While a model's endpoints are all taken to be down, a request waits in the scheduler's queue and uses no attempt. At an
endpoint that answers others, a request that fails as often as its class allows sets its question aside: it is nobody's
failure, and another session tries again. Nothing is sent again for ever.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from reasonmed.engine.flow.endpoint import LONGEST_WAIT
from reasonmed.errors import BackendError, Overloaded, SetAside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reasonmed.backends import Backend
    from reasonmed.engine.flow.meter import Meter
    from reasonmed.engine.flow.scheduler import Pool
    from reasonmed.engine.flow.stop import Stop
    from reasonmed.exchange import Completion, Request

_FIRST_WAIT = {"rate": 1.0, "server": 1.0, "network": 0.5, "timeout": 1.0}
_LONGEST_WAIT = 60.0


class Retrying:
    """Sends again.

    Args:
        inner: the layer that sends.
        pool: the model's endpoints.
        stop: ends every wait.
        meter: counts faults.
        ceilings: how often a request may fail by each class of fault at an endpoint that answers others.
        give_up: seconds without one answer after which the run is to end for now.
        clock: the time in seconds.
    """

    def __init__(  # noqa: PLR0913 - one layer, seven collaborators
        self,
        inner: Backend,
        pool: Pool,
        *,
        stop: Stop,
        meter: Meter,
        ceilings: Mapping[str, int],
        give_up: float,
        clock: Callable[[], float],
    ) -> None:
        self._inner, self._pool, self._stop, self._meter = inner, pool, stop, meter
        self._ceilings, self._give_up, self._clock = ceilings, give_up, clock

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        began: float | None = None
        faults: Counter[str] = Counter()
        while True:
            try:
                return await self._inner.complete(request)
            except BackendError as failed:
                self._meter.faults[failed.kind] += 1
                if not failed.retryable:
                    raise
                now = self._clock()
                began = now if began is None else began
                if not self._pool.down:
                    faults[failed.kind] += 1
                self._check(failed, faults, now - began, now)
                await self._wait(failed, faults[failed.kind])

    def _check(self, failed: BackendError, faults: Counter[str], since: float, now: float) -> None:
        """Raise when the service is away for too long, or when this one request fails too often."""
        self._check_silence(now)
        tries = faults[failed.kind]
        if tries >= self._ceilings.get(failed.kind, tries + 1) or since >= self._give_up:
            self._pool.rest()
            raise SetAside(f"failed {tries} times ({failed.kind}), while others were answered: {failed}") from failed

    def _check_silence(self, now: float) -> None:
        away = self._pool.away(self._give_up, now)
        if away is not None:
            raise away

    async def _wait(self, failed: BackendError, tries: int) -> None:
        if self._pool.down:
            return
        first = _FIRST_WAIT.get(failed.kind, 1.0)
        grown = min(_LONGEST_WAIT, first * 2.0 ** max(0, tries - 1))
        drawn = grown * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing
        asked = failed.retry_after if isinstance(failed, Overloaded) else None
        wait = drawn if asked is None else min(asked, LONGEST_WAIT) + drawn / 8
        await self._stop.sleep(min(wait, self._pool.patience(self._give_up, self._clock())))
        self._check_silence(self._clock())

    async def aclose(self) -> None:
        """Close the back end."""
        await self._inner.aclose()
