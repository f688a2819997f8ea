"""The pool: so many rows at once, each outcome on record as soon as it is there; ends early when asked to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from reasonmed.errors import ControlError, SetAside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.job import Job, Kept, Models, Outcome, Row, Score
    from reasonmed.engine.ledger import Ledger


async def run(
    rows: Iterable[Row], work: Callable[[Row], Awaitable[Outcome]], *, alive: int, stop: Stop
) -> AsyncIterator[Outcome]:
    """Work on at most ``alive`` rows at once; finished ones come in the order in which they finish.

    A ControlError in one of them asks the run to stop: no further row begins, those under way end. Any other error
    does the same and is raised when they have. A row that is set aside stays without an outcome, and others go on.
    """
    source = iter(rows)
    ended: asyncio.Queue[asyncio.Task[Outcome]] = asyncio.Queue()
    under_way: set[asyncio.Task[Outcome]] = set()
    crash: BaseException | None = None
    aside: list[SetAside] = []
    more = True
    try:
        while True:
            while more and len(under_way) < alive and not stop.wanted and crash is None:
                try:
                    row = next(source)
                except StopIteration:
                    more = False
                    break
                task = asyncio.ensure_future(work(row))
                under_way.add(task)
                task.add_done_callback(ended.put_nowait)
            if not under_way:
                break
            task = await ended.get()
            under_way.discard(task)
            failed = task.exception()
            if failed is None:
                yield task.result()
            elif isinstance(failed, SetAside):
                aside.append(failed)
            elif isinstance(failed, ControlError):
                stop.ask(failed)
            else:
                crash = crash or failed
                stop.ask(ControlError("an internal error"))
    finally:
        await _end(under_way)
    if crash is not None:
        raise crash
    if aside:
        wait = "1 question waits" if len(aside) == 1 else f"{len(aside)} questions wait"
        stop.ask(SetAside(f"{wait} for another session; the first: {aside[0]}"))


async def _end(under_way: set[asyncio.Task[Outcome]]) -> None:
    """End what is under way when the run is ended at once; nobody reads what becomes of it."""
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


async def finish(
    job: Job[Row, Outcome], rows: Iterable[Row], ledger: Ledger, models: Models, *, alive: int, stop: Stop
) -> AsyncIterator[Kept | Score]:
    """Do a job on rows; what is kept of each outcome comes once it is on record."""
    work = job.work(models)

    async def done(row: Row) -> Kept | Score:
        kept = job.keep(await work(row))
        await ledger.keep(kept)
        return kept

    async for kept in run(rows, done, alive=alive, stop=stop):
        yield kept
