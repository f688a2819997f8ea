"""What all batch jobs of a run share, and the clock that they go by."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from reasonmed.engine.flow.budget import Budget
    from reasonmed.engine.flow.meter import Meter
    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.ledger import Ledger


class Clock(Protocol):
    """The time of day, since batches outlive a process, and how to wait."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; raise Drained as soon as the run is to end."""
        ...


class WallClock:
    """The machine's clock."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait; raise Drained as soon as the run is to end."""
        await self._stop.sleep(seconds)


@dataclass(frozen=True)
class Office:
    """A run's ledger, limits and clock, for whoever submits and joins."""

    ledger: Ledger
    budget: Budget
    meter: Meter
    stop: Stop
    clock: Clock
    give_up: float
    """Seconds without an answer of a provider after which the run ends for now."""
