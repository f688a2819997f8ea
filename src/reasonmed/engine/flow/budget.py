"""A hard cap on money over all stages: the worst case of every try is reserved before it is sent, and settled after.

What was reserved when a process died counts as spent: the sum of open reservations is on disk before it is exceeded.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from reasonmed.errors import BudgetReached

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


class Reservation:
    """The worst case of one try; ``cost`` is set when the real one is known, else the worst case counts."""

    __slots__ = ("cost", "worst")

    def __init__(self, worst: float) -> None:
        self.worst = worst
        self.cost: float | None = None


class Budget:
    """Money that may be spent.

    Args:
        cap: USD; None for no cap.
        spent: USD that earlier sessions spent, open reservations of a killed one among them.
        remember: puts the upper bound of open reservations on disk.
        lose: puts on disk what a try cost that left no reply.
        grow: asks for so much more under the cap, where several processes share one; returns what it got.
        held: USD that requests in batches under way may cost at most.
    """

    def __init__(
        self,
        cap: float | None,
        spent: float,
        remember: Callable[[float], Awaitable[None]],
        lose: Callable[[float], Awaitable[None]],
        grow: Callable[[float], Awaitable[float]] | None = None,
        held: float = 0.0,
    ) -> None:
        self.cap, self.spent, self.open, self.held = cap, spent, 0.0, held
        self._remember, self._lose, self._grow = remember, lose, grow
        self._bound, self._count = 0.0, 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._raising, self._growing = asyncio.Lock(), asyncio.Lock()

    @asynccontextmanager
    async def reserve(self, worst: float) -> AsyncIterator[Reservation]:
        """Hold the worst case of a try while it is under way.

        Raises:
            BudgetReached: it does not fit, and nothing else is open that could be settled lower.
        """
        reservation = Reservation(worst)
        if self.cap is None:
            yield reservation
            self.spent += reservation.cost or 0.0
            return
        await self._fit(worst)
        try:
            await self._cover()
            yield reservation
        finally:
            self._count -= 1
            self.open = self.open - worst if self._count else 0.0
            cost = worst if reservation.cost is None else reservation.cost
            self.spent += cost
            self._wake()

    async def lost(self, cost: float) -> None:
        """A try left no reply, and may have been paid for."""
        await self._lose(cost)

    def hold(self, worst: float) -> bool:
        """Reserve for a request in a batch, whose ledger remembers it; False where it does not fit."""
        if not self._fits(worst):
            return False
        self.held += worst
        return True

    def settle(self, worst: float, cost: float) -> None:
        """A request in a batch has cost so much, in the place of what was reserved for it."""
        self.held = max(0.0, self.held - worst)
        self.spent += cost
        self._wake()

    def reached(self, worst: float) -> BudgetReached:
        """Why the run ends, where a request does not fit."""
        held = f", {self.held:.6f} are held for batches under way" if self.held else ""
        return BudgetReached(
            f"the next request may cost {worst:.6f} USD, and {self.spent:.6f} of {self.cap or 0.0:.6f} USD are "
            f"spent{held}; raise --max-cost to continue"
        )

    def _fits(self, worst: float) -> bool:
        return self.cap is None or self.spent + self.open + self.held + worst <= self.cap

    async def _fit(self, worst: float) -> None:
        while not self._fits(worst):
            if await self._has_grown(worst):
                continue
            if not self._count:
                raise self.reached(worst)
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._count += 1
        self.open += worst

    async def _has_grown(self, worst: float) -> bool:
        """Whether the cap may be another one now; one asks at a time, so that nobody asks for what another one got."""
        if self._grow is None:
            return False
        async with self._growing:
            missing = self.spent + self.open + worst - (self.cap or 0.0)
            got = await self._grow(missing) if missing > 0 else 0.0
            self.cap = (self.cap or 0.0) + got
        return missing <= 0 or got > 0

    async def _cover(self) -> None:
        """See that the sum of open reservations on disk is not below the real one."""
        if self.open <= self._bound:
            return
        async with self._raising:
            if self.open > self._bound:
                bound = self.open * 1.5
                await self._remember(bound)
                self._bound = bound

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)


def cap_needed(budget: Budget, done: int, rows: int) -> float:
    """A cap under which a job probably ends: the cost of its rows so far for all of them and a tenth, in USD.

    Args:
        budget: what was spent, under the cap that was reached.
        done: rows that are finished.
        rows: all rows.
    """
    cap = budget.cap or 0.0
    whole = budget.spent * rows / done if done else 2 * cap
    wanted = 1.1 * max(whole, cap, 0.01)
    step = 10.0 ** (math.floor(math.log10(wanted)) - 1)
    return math.ceil(wanted / step) * step
