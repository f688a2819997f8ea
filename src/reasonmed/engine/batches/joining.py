"""A batch that has ended is joined: its results, in whatever order they come, go to the requests that they are for.

Every reply is in the ledger before the next lines are read, so that a join which is interrupted begins again and takes
what is left. A request that no line answers goes into the next batch, or is sent at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from reasonmed.backends._batch_jobs import Line, Torn
from reasonmed.engine.batches.submitting import foreign
from reasonmed.engine.ledger.held import Ended, Move
from reasonmed.errors import BackendError, ControlError, ModelNotServed, RequestRejected, SetAside
from reasonmed.exchange import Completion

if TYPE_CHECKING:
    from reasonmed.backends._batch_jobs import Job
    from reasonmed.backends.openai import Answer
    from reasonmed.engine.batches.desk import Desk, Open
    from reasonmed.engine.ledger.held import Joining, Waiting

_AT_ONCE = 64
"""Results that are recorded together."""
_TRIES = 5
"""Batches after which a request without a reply is sent at once."""
_READINGS = 2
"""How often results with gaps are read."""


class _Reading:
    """One pass over the results of a batch."""

    def __init__(self, desk: Desk, one: Open, job: Job) -> None:
        self._desk, self._one, self._job = desk, one, job
        self.counts: Counter[str] = Counter()
        self.fault: ControlError | None = None
        """Why the run is to end, where a result says so."""
        self._seen: set[str] = set()
        self._taking: list[asyncio.Task[None]] = []

    async def read(self) -> None:
        """Read all lines.

        Raises:
            BackendError: they broke off.
        """
        try:
            async for line in self._desk.wire.results(self._job):
                self._take(line)
                if len(self._taking) >= _AT_ONCE:
                    await self._settle()
        finally:
            await self._settle()

    async def _settle(self) -> None:
        """See that what was read is on disk."""
        await asyncio.gather(*self._taking)
        self._taking.clear()
        self._desk.office.stop.check()

    def _take(self, line: Line | Torn) -> None:
        if isinstance(line, Torn):
            self.counts["torn"] += 1
            return
        token, _, name = line.name.partition("-")
        if token != self._one.token:
            self.counts["unknown"] += 1
            return
        if name in self._seen:
            self.counts["repeated"] += 1
            return
        self._seen.add(name)
        held = self._desk.office.ledger.joining(name, token)
        if held is None:
            self.counts["recorded"] += 1
        elif line.answer is None:
            self.counts["untried"] += 1
        else:
            self._taking.append(asyncio.create_task(self._join(name, held, line.answer)))

    async def _join(self, name: str, held: Joining, answer: Answer) -> None:
        desk = self._desk
        request = desk.office.ledger.request_in(held.packed)
        outcome = desk.wire.outcome(request, answer)
        if isinstance(outcome, RequestRejected) and not self._is_its_own(request.model, outcome):
            outcome = ModelNotServed(f"every request of batch {self._job.id} was rejected; none is recorded: {outcome}")
        if isinstance(outcome, Completion | RequestRejected):
            if isinstance(outcome, Completion):
                sent = None if held.sent is None else msgspec.json.decode(held.sent, type=dict[str, object])
                outcome = replace(outcome, sent=sent)
            cost = await desk.journals[0].take(request, outcome, desk.price, name)
            desk.office.budget.settle(held.worst, cost)
            self.counts["answered" if isinstance(outcome, Completion) else "rejected"] += 1
            return
        desk.office.meter.failed(outcome)
        self.counts["failed"] += 1
        if isinstance(outcome, BackendError):
            desk.office.meter.faults[outcome.kind] += 1
        elif isinstance(outcome, ControlError):
            self.fault = self.fault or outcome

    def _is_its_own(self, model: str, outcome: RequestRejected) -> bool:
        """Whether a rejection is the request's own fault: not where nothing was ever answered."""
        return (
            outcome.kind != "bad_request" or self._job.answered != 0 or self._desk.office.ledger.has_replies_of(model)
        )


async def join(desk: Desk, one: Open, job: Job) -> None:
    """Take the replies of a batch that has ended, and move its other requests on.

    Raises:
        BackendError: the results broke off; the join begins again.
        ControlError: the batch is another run's, or its provider refuses what every request has.
    """
    taken: Counter[str] = Counter()
    for _ in range(_READINGS):
        reading = _Reading(desk, one, job)
        await reading.read()
        counts = reading.counts
        taken += Counter({name: counts[name] for name in ("answered", "rejected")})
        if counts["unknown"] and counts.total() == counts["unknown"] + counts["torn"]:
            raise foreign(desk, job.id, f"none of its {counts['unknown']:,} results is for a request of this run")
        left = list(desk.office.ledger.waiting_for(one.token))
        if len(left) <= counts["untried"] + counts["failed"]:
            break
    counts["lost"] = max(0, len(left) - counts["untried"] - counts["failed"] - counts["torn"])
    told = _told(Counter({**counts, **taken}))
    await put_back(desk, one, left, Ended("joined", told, one.token))
    desk.office.meter.notes.append(f"batch {job.id} ({job.status}): {told}")
    if reading.fault is not None:
        raise reading.fault


async def put_back(desk: Desk, one: Open, left: list[Waiting], ended: Ended) -> None:
    """Note how a batch ended; its requests without a reply go into the next one, or are sent at once."""
    now, untried = desk.office.clock.now(), int(ended.state == "failed")
    deadline = desk.options.deadline
    tired = {held.name for held in left if held.tries - untried >= _TRIES}
    late = {held.name for held in left if deadline is not None and now >= held.at + deadline} | tired
    late = late if desk.collects else {held.name for held in left}
    into = {held.name: desk.collecting(held.size) for held in left if held.name not in late}
    moves = [Move(into[held.name].token if held.name in into else None, untried, held.name) for held in left]
    await desk.office.ledger.end_batch(ended, moves, [*{*into.values()}])
    for held in left:
        desk.office.budget.settle(held.worst, 0.0)
    del desk.open[one.token]
    if tired and deadline is None and desk.collects:
        raise SetAside(
            f"{len(tired):,} requests to {desk.label} got no reply in {_TRIES} batches; they are sent at once when the "
            "run is started again. See `reasonmed status`"
        )


def _told(counts: Counter[str]) -> str:
    """What came of a batch, in words."""
    again = counts["untried"] + counts["failed"] + counts["torn"] + counts["lost"]
    why = [f"{counts[name]:,} {name}" for name in ("untried", "failed", "torn", "lost") if counts[name] > 0]
    odd = [f"{counts[name]:,} {name} lines ignored" for name in ("repeated", "unknown") if counts[name]]
    told = [f"{counts['answered'] + counts['recorded']:,} replies"]
    told += [f"{counts['rejected']:,} rejected"] if counts["rejected"] else []
    told += [f"{again:,} to go again ({', '.join(why)})"] if again else []
    return "; ".join([*told, *odd])
