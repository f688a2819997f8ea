"""One model's batches: requests are held for the one that collects; those that are closed wait to be submitted."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from reasonmed.engine.ledger.held import Collecting
from reasonmed.errors import Parked

if TYPE_CHECKING:
    from reasonmed.backends import Backend
    from reasonmed.backends._batches import Wire
    from reasonmed.backends._endpoint import Batch as Options
    from reasonmed.backends._prices import Price
    from reasonmed.engine.batches.office import Office
    from reasonmed.engine.journal import Journaled
    from reasonmed.exchange import Completion, Request

WAIT = "batch "
"""What begins the name of what a row waits for."""
_GROWS, _LONGEST = 1.5, 30.0
"""By what a wait between two looks grows, and up to how many times the first one."""


def held_name(request: Request) -> str:
    """The name of a held request: a hash of its identity and of the limit that it is recorded with."""
    return blake2b(request.key + str(request.sampling.max_tokens).encode(), digest_size=16).hexdigest()


@dataclass
class Open:
    """A batch that requests wait for."""

    token: str
    run: str
    state: str
    begun: float
    id: str | None = None
    staged: str | None = None
    requests: int = 0
    bytes: int = 0
    answered: int = 0
    failed: int = 0
    next_look: float = 0.0
    interval: float = 0.0
    canceled: bool = False

    def later(self, now: float, first: float) -> None:
        """Look again after a wait that grows."""
        self.interval = min(self.interval * _GROWS, first * _LONGEST) if self.interval else first
        self.next_look = now + self.interval


class Desk:
    """Holds the requests of one model.

    Args:
        label: the model, as records name it.
        wire: its provider's batch jobs.
        options: how requests are collected.
        collects: whether they are; else those that are in batches under way are waited for.
        price: what tokens cost in a batch; None where nobody knows.
        office: what all desks share.
    """

    def __init__(
        self, label: str, wire: Wire, options: Options, *, collects: bool, price: Price | None, office: Office
    ) -> None:
        self.label, self.wire, self.price, self.office = label, wire, price, office
        self.collects, self.options = collects, options
        self.journals: list[Journaled] = []
        """What records this model's replies."""
        self.open: dict[str, Open] = {}
        self.most = self.options.requests
        """Requests of one batch; fewer once the provider had too much in its queue."""
        self.quiet_until = 0.0
        """Until when nothing is submitted."""
        self.failing_since: float | None = None
        """Since when the provider answers nothing."""
        self._token: str | None = None
        self._run = office.ledger.run_name()
        self._load()

    def _load(self) -> None:
        """Take up what earlier sessions left; only the last batch that was collecting goes on with that."""
        for one in self.office.ledger.batches():
            if one.model != self.label or not one.is_open:
                continue
            found = Open(one.token, one.run, one.state, one.begun, one.id, one.staged, one.requests)
            found.answered, found.failed = one.answered, one.failed
            if one.state in ("collecting", "closed"):
                found.requests, found.bytes, found.begun = self.office.ledger.size_of(one.token)
                found.state = "closed"
            self.open[one.token] = found
            if one.state == "collecting":
                self._token = one.token
        if self._token is not None:
            self.open[self._token].state = "collecting"

    async def hold(self, request: Request) -> str | None:
        """Hold a request, and say what it waits for; None where it is to be sent at once."""
        name, ledger = held_name(request), self.office.ledger
        place = ledger.place_of(name)
        if place is not None and place.token in self.open:
            return WAIT + place.token
        if not self.collects or (place is not None and place.token is None):
            return None
        size = len(self.wire.line(f"{' ' * 16}-{name}", self.wire.prepared(request)[0])) + 1
        batch = self.collecting(size)
        await ledger.hold(name, request, size, batch)
        return WAIT + batch.token

    def collecting(self, size: int = 0, requests: int = 1) -> Collecting:
        """The batch that collects now; a new one where it has no room for these bytes and requests."""
        now = self.office.clock.now()
        one = self.open[self._token] if self._token else None
        if one is not None and (one.requests >= self.most or one.bytes + size > self.options.megabytes * 1e6):
            one.state, one = "closed", None
        if one is None:
            one = Open(secrets.token_hex(8), self._run, "collecting", now)
            self._token = one.token
            self.open[one.token] = one
        if not one.requests:
            one.begun = now
        one.requests += requests
        one.bytes += size
        return Collecting(one.token, self.label, one.run, self.wire.host, one.begun)

    def close(self, *, idle: bool) -> None:
        """Close what collects, where it has collected for long enough or nothing else is to be done."""
        if self._token is None:
            return
        one = self.open[self._token]
        if one.requests and (idle or self.office.clock.now() >= one.begun + self.options.wait):
            one.state, self._token = "closed", None

    def due(self) -> float | None:
        """When there is something to do without anybody asking; None where nothing is."""
        times = [max(one.next_look, self.quiet_until) for one in self.open.values() if one.state == "closed"]
        times += [one.next_look for one in self.open.values() if one.state in ("submitting", "running")]
        collecting = self.open[self._token] if self._token else None
        if collecting is not None and collecting.requests:
            times.append(collecting.begun + self.options.wait)
        return min(times, default=None)

    def of_state(self, *states: str) -> list[Open]:
        """The batches in these states that are to be looked at now."""
        now = self.office.clock.now()
        return [one for one in self.open.values() if one.state in states and one.next_look <= now]


class Collected:
    """The layer that holds requests for a batch; what is to be sent at once goes on.

    Args:
        inner: what sends.
        desk: what holds.
    """

    def __init__(self, inner: Backend, desk: Desk) -> None:
        self._inner, self._desk = inner, desk

    async def complete(self, request: Request) -> Completion:
        """Answer a request that is to be sent at once.

        Raises:
            Parked: it waits for a batch.
        """
        self._desk.office.stop.check()
        wait = await self._desk.hold(request)
        if wait is not None:
            raise Parked(frozenset({wait}))
        return await self._inner.complete(request)

    async def aclose(self) -> None:
        """Close the back end."""
        await self._inner.aclose()
