"""Who goes next: so many requests over all models, so many at each endpoint, later stages first.

A *pool* is one model with its endpoints. What waits stands in its pool's queue, so that a slow or broken endpoint keeps
nobody else waiting; work is given on when a request ends, or when a timer says that a rate or a breaker allows it.
Requests that share the beginning of their prompt go one after another as they come, to the same address as long as that
is not busier than the others: servers keep what they computed of a prompt.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from typing import TYPE_CHECKING
from zlib import crc32

from reasonmed.errors import Drained, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reasonmed.engine.flow.endpoint import Endpoint, Estimate
    from reasonmed.engine.flow.stop import Stop

_FIRST_CONTACT = 5.0
"""Seconds in which a model must be reached at all: a wrong address is no outage."""
_MINUTES = 120.0
_UNEVEN = 1.25
"""How many times its share of the open requests an address may have, for the sake of its prefix cache."""
_RESERVE = 4
"""Each pool leaves one part in so many times the pools of the places to the others."""


class Pool:
    """One model: its endpoints, and the requests that wait for them.

    Args:
        name: the model's name at its endpoints.
        endpoints: its addresses.
        entry: the recipe's name for it.
    """

    def __init__(self, name: str, endpoints: Sequence[Endpoint], entry: str | None = None) -> None:
        self.name, self.endpoints, self.entry = name, endpoints, entry or name
        self.waiting: list[tuple[int, int, Estimate, str, asyncio.Future[Endpoint]]] = []
        self.timer: asyncio.TimerHandle | None = None
        self.started: float | None = None

    @property
    def in_flight(self) -> int:
        """Requests that are open at all endpoints."""
        return sum(endpoint.in_flight for endpoint in self.endpoints)

    @property
    def down(self) -> bool:
        """Whether every endpoint is taken to be down."""
        return all(endpoint.breaker.open for endpoint in self.endpoints)

    def held(self, now: float) -> bool:
        """Whether every endpoint asked to be left alone, and nothing is open."""
        return not self.in_flight and all(endpoint.held_until > now for endpoint in self.endpoints)

    def rest(self) -> None:
        """A request has ended: while there is no other one, silence means nothing."""
        if not self.in_flight and not self.waiting:
            self.started = None

    def silence(self, now: float) -> float:
        """Seconds since any endpoint answered, or since there are requests again."""
        if self.started is None:
            return 0.0
        return now - max(self.started, *(endpoint.breaker.last_success for endpoint in self.endpoints))

    def patience(self, give_up: float, now: float) -> float:
        """Seconds without an answer that are left until the run is to end; less where nothing was ever reached."""
        return max(0.001, self._longest(give_up) - self.silence(now))

    @property
    def _unreached(self) -> bool:
        """Whether nothing ever came from any address, over several tries or a long one."""
        return all(not endpoint.reached and (endpoint.breaker.open or endpoint.mute) for endpoint in self.endpoints)

    def _longest(self, give_up: float) -> float:
        return min(give_up, _FIRST_CONTACT) if self._unreached else give_up

    def away(self, give_up: float, now: float) -> Unavailable | None:
        """Why the run is to end, where no request was answered for too long; None before that."""
        silence = self.silence(now)
        if silence < self._longest(give_up):
            return None
        latest = max(self.endpoints, key=lambda endpoint: endpoint.heard)
        errors = [endpoint.last_error for endpoint in (latest, *self.endpoints) if endpoint.last_error is not None]
        last = f": {errors[0]}" if errors else ""
        if self._unreached:
            return Unavailable(
                f"{self.name} cannot be reached{last}. Is it running, and is `base_url` right? See `reasonmed doctor`"
            )
        span = f"{silence:.0f} s" if silence < _MINUTES else f"{silence / 60:.0f} min"
        if latest.held_until > now and not last:
            return Unavailable(f"{self.name} takes no requests for {span}: {latest.name} asked to be left alone")
        if now - latest.heard < silence:
            return Unavailable(f"{self.name} gave no usable reply for {span}{last}")
        return Unavailable(f"{self.name} has not answered for {span}{last}")

    def pick(self, estimate: Estimate, now: float, prefix: str = "") -> tuple[Endpoint | None, float]:
        """The endpoint that may take a request now: the prefix's own, or the least loaded; else the seconds to wait."""
        free, soonest = [], float("inf")
        for endpoint in self.endpoints:
            wait = endpoint.wait(estimate, now)
            if wait <= 0:
                free.append(endpoint)
            soonest = min(soonest, wait)
        if len(free) <= 1:
            return (free[0] if free else None), soonest
        return self._own(prefix, free) or min(free, key=lambda one: one.in_flight / one.window.size), soonest

    def _own(self, prefix: str, free: Sequence[Endpoint]) -> Endpoint | None:
        """The first address from a prefix's own on that may take a request, answers, and is within its share.

        A request that failed at its prefix's own address is sent to another one.
        """
        if not prefix:
            return None
        start = crc32(prefix.encode()) % len(self.endpoints)
        each = _UNEVEN * (self.in_flight + 1) / sum(endpoint.window.size for endpoint in self.endpoints)
        ring = (*self.endpoints[start:], *self.endpoints[:start])
        fit = (one for one in ring if one in free and not one.breaker.shaken)
        return next((one for one in fit if one.in_flight < math.ceil(each * one.window.size)), None)


class Scheduler:
    """Gives places to requests.

    Args:
        places: requests that may be open over all pools.
        stop: once it is set, everything that waits is let go.
        clock: the time in seconds.
        give_up: seconds without one answer of a pool after which the run is to end for now.
    """

    def __init__(self, places: int, stop: Stop, clock: Callable[[], float], give_up: float) -> None:
        self.places, self.paused = places, False
        self._taken = 0
        self._stop, self._clock, self._give_up = stop, clock, give_up
        self._order = itertools.count()
        self.pools: list[Pool] = []
        stop.tell(self._let_go)

    def add(self, pool: Pool) -> None:
        """Take a pool in; each pool leaves some places to the others."""
        self.pools.append(pool)

    def share(self, pools: int) -> int:
        """The most places that one of so many pools may take."""
        return self.places if pools <= 1 else max(1, self.places - (pools - 1) * (self.places // (_RESERVE * pools)))

    async def enter(self, pool: Pool, rank: int, estimate: Estimate, prefix: str = "") -> Endpoint:
        """Wait for a place at an endpoint of the pool; the highest rank goes first.

        ``prefix`` is equal for requests whose prompts begin alike.
        """
        now = self._clock()
        if pool.started is None:
            pool.started = now
        if not pool.waiting and not self.paused and self._taken < self.places:
            endpoint, _ = pool.pick(estimate, now, prefix)
            if endpoint is not None:
                return self._begin(endpoint, estimate, now)
        turn: asyncio.Future[Endpoint] = asyncio.get_running_loop().create_future()
        heapq.heappush(pool.waiting, (-rank, next(self._order), estimate, prefix, turn))
        self._pump(pool)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.leave(turn.result())
            raise

    def leave(self, endpoint: Endpoint) -> None:
        """Give a place back, and on to whoever may go next."""
        endpoint.ended()
        self._taken -= 1
        self.wake()

    def wake(self) -> None:
        """Look whether somebody may go; the pool with the latest stage at its head first."""
        hungry = [pool for pool in self.pools if pool.waiting]
        if len(hungry) > 1:
            hungry.sort(key=lambda pool: pool.waiting[0][:2])
        for pool in hungry:
            self._pump(pool)

    def pause(self, *, paused: bool) -> None:
        """Let nobody go, or let them go again; open requests finish."""
        self.paused = paused
        self.wake()

    def _begin(self, endpoint: Endpoint, estimate: Estimate, now: float) -> Endpoint:
        self._taken += 1
        endpoint.begin(estimate, now)
        return endpoint

    def _pump(self, pool: Pool) -> None:
        while pool.waiting and not self.paused and self._taken < self.places:
            _, _, estimate, prefix, turn = pool.waiting[0]
            if turn.done():
                heapq.heappop(pool.waiting)
                continue
            now = self._clock()
            endpoint, soonest = pool.pick(estimate, now, prefix)
            if endpoint is None:
                self._arm(pool, soonest, now)
                return
            heapq.heappop(pool.waiting)
            turn.set_result(self._begin(endpoint, estimate, now))

    def _arm(self, pool: Pool, wait: float, now: float) -> None:
        """Look again when a rate or a breaker may allow it, or when it is time to give the pool up."""
        if pool.down or pool.held(now):
            away = pool.away(self._give_up, now)
            if away is not None:
                self._stop.ask(away)
                return
            wait = min(wait, pool.patience(self._give_up, now))
        if pool.timer is not None:
            pool.timer.cancel()
            pool.timer = None
        if wait != float("inf"):
            pool.timer = asyncio.get_running_loop().call_later(max(wait, 0.001), self._pump, pool)

    def _let_go(self) -> None:
        """The run is to end: whoever waits is told so."""
        for pool in self.pools:
            if pool.timer is not None:
                pool.timer.cancel()
            for *_, turn in pool.waiting:
                if not turn.done():
                    turn.set_exception(Drained("the run takes no new requests"))
            pool.waiting.clear()
