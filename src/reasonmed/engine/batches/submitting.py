"""A closed batch is submitted: written to a file, noted, sent, and noted again with its provider's id.

Whatever moment a process dies at, the next one knows whether a batch may be at the provider: it looks for it there by
its label, or, where batches bear none, by the names of its requests, before it submits anything again.
"""

from __future__ import annotations

import asyncio
import json
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from reasonmed.backends._batch_jobs import Label, Torn
from reasonmed.engine.ledger.held import Sending
from reasonmed.errors import ModelNotServed

if TYPE_CHECKING:
    from reasonmed.backends._batch_jobs import Job
    from reasonmed.engine.batches.desk import Desk, Open

_SETTLES = 6
"""Times the first wait between looks after which a provider's list has whatever was sent before."""
_SKEW, _DAY = 600.0, 86_400.0
"""Seconds by which clocks may differ; seconds before a batch that its provider's list is read for it."""


class _Written(NamedTuple):
    """What went into a file, and what did not."""

    rows: list[Sending]
    others: list[str]
    bytes: int
    """Of the others."""
    worst: float
    """USD that the first of the others may cost, where the money is what it lacks."""


async def submit(desk: Desk, one: Open) -> None:
    """Submit a batch, or find it at its provider where an earlier try may have done so.

    Raises:
        BackendError: its provider does not answer; it is tried again.
        ControlError: its provider refuses, or the money is spent.
    """
    if one.state == "submitting":
        job, may_come = await _found(desk, one)
        if job is not None:
            await _note_id(desk, one, job)
            return
        if may_come:
            one.later(desk.office.clock.now(), desk.options.poll)
            return
    with TemporaryFile(dir=desk.office.ledger.path.parent) as file:
        if one.staged is None and not await _fill(desk, one, file):
            return
        file.seek(0)

        async def note(staged: str) -> None:
            one.staged = staged
            await desk.office.ledger.update_batch(one.token, staged=staged)

        job = await desk.wire.submit(file, Label(one.token, one.run), one.staged, note)
    await _note_id(desk, one, job)
    desk.office.meter.notes.append(
        f"{one.requests:,} {_requests(one.requests)} to {desk.label} went to {desk.wire.host} as batch {job.id}"
    )


async def _note_id(desk: Desk, one: Open, job: Job) -> None:
    one.id, one.state, one.interval = job.id, "running", 0.0
    one.later(desk.office.clock.now(), desk.options.poll)
    await desk.office.ledger.update_batch(one.token, state="running", id=job.id)


async def _fill(desk: Desk, one: Open, file: BinaryIO) -> bool:
    """Write a batch's file, and note that it is about to be submitted; False where there is nothing to submit now."""
    ledger, now = desk.office.ledger, desk.office.clock.now()
    again = one.state == "submitting"
    if not again:
        await ledger.update_batch(one.token, state="closed")  # and with it whatever was held for it before
    written = await _write(desk, one, file, reserve=not again)
    if again:
        return True
    if not written.rows:
        if written.others:
            await _wait_for_money(desk, one, written.worst)
        else:
            del desk.open[one.token]
            await ledger.update_batch(one.token, state="joined")
        return False
    to = desk.collecting(written.bytes, len(written.others)) if written.others else None
    await ledger.begin_batch(one.token, now, written.rows, written.others, to)
    one.state, one.begun, one.requests = "submitting", now, len(written.rows)
    return True


async def _wait_for_money(desk: Desk, one: Open, worst: float) -> None:
    """Not one request fits under the cap: what is under way may turn out cheaper; else the run ends."""
    if not (desk.office.budget.held or desk.office.budget.open):
        raise desk.office.budget.reached(worst)
    one.later(desk.office.clock.now(), desk.options.poll)


async def _write(desk: Desk, one: Open, file: BinaryIO, *, reserve: bool) -> _Written:
    """Write the requests of a batch, as many as its limits and the money allow."""
    wire, budget = desk.wire, desk.office.budget
    rows: list[Sending] = []
    others: list[str] = []
    lacking, left, size = 0.0, 0, file.write(wire.head)
    for count, held in enumerate(desk.office.ledger.waiting_for(one.token)):
        if count % 64 == 0:
            await asyncio.sleep(0)
        request = desk.office.ledger.request_in(held.packed)
        body, sent = wire.prepared(request)
        line = wire.line(f"{one.token}-{held.name}", body)
        worst = desk.price.worst(request) if desk.price else 0.0
        full = len(rows) >= desk.most or size + len(line) + 2 > desk.options.megabytes * 1e6
        if reserve and (others or (rows and full) or not budget.hold(worst)):
            lacking = lacking or worst
            left += held.size
            others.append(held.name)
            continue
        size += file.write(wire.between + line if rows else line)
        rows.append(Sending(worst, json.dumps(sent) if sent else None, held.name))
    file.write(wire.tail)
    return _Written(rows, others, left, lacking)


async def _found(desk: Desk, one: Open) -> tuple[Job | None, bool]:
    """The batch at its provider, if it is there; else whether it may yet turn out to be."""
    now, wire = desk.office.clock.now(), desk.wire
    known = {batch.id for batch in desk.office.ledger.batches()}
    may_come = now < one.begun + _SETTLES * desk.options.poll
    async for job in wire.listed():
        if job.created is not None and job.created < one.begun - (_DAY if wire.labeled else _SKEW):
            break
        if wire.labeled:
            if job.token == one.token:
                return job, False
        elif job.id not in known and job.requests in (None, one.requests):
            if job.state == "running":
                may_come = True
            elif await _is_ours(desk, one, job):
                return job, False
    return None, may_come


async def _is_ours(desk: Desk, one: Open, job: Job) -> bool:
    """Whether the first result of a batch is of this one."""
    async for line in desk.wire.results(job):
        return not isinstance(line, Torn) and line.name.startswith(f"{one.token}-")
    return False


def check_owner(desk: Desk, one: Open, job: Job) -> None:
    """See that the batch at the provider is this one.

    Raises:
        ModelNotServed: its label is another run's.
    """
    if job.token not in (None, one.token) or job.run not in (None, one.run):
        raise foreign(desk, job.id, f"it is labeled as batch {job.token} of run {job.run}")


def foreign(desk: Desk, job: str, why: str) -> ModelNotServed:
    """The error about a batch of another run."""
    return ModelNotServed(
        f"batch {job} at {desk.wire.host} is of another run: {why}. Nothing of it is used. Check that `base_url` and "
        "the key are those that this run submitted it with; or start a run that reuses what is recorded, and "
        "requests the rest: -o NEW --fork OLD"
    )


def _requests(count: int) -> str:
    return "request" if count == 1 else "requests"
