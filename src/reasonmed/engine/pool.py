"""The pool: so many rows at once, each outcome on record as soon as it is there; ends early when asked to."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING

from reasonmed.engine.turns import Replayed, Turns
from reasonmed.errors import ControlError, Parked, SetAside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.job import Job, Kept, Models, Outcome, Row, Score
    from reasonmed.engine.ledger import Ledger


async def _nothing_waits() -> bool:
    return False


async def run(
    rows: Iterable[Row],
    work: Callable[[Row], Awaitable[Outcome]],
    *,
    alive: int,
    stop: Stop,
    turn: Callable[[], Awaitable[bool]] = _nothing_waits,
) -> AsyncIterator[Outcome]:
    """Work on at most ``alive`` rows at once; finished ones come in the order in which they finish.

    When none is under way and there is none to begin, ``turn`` may make more rows come, and says whether it did.
    A ControlError in one of them asks the run to stop: no further row begins, those under way end. Any other error
    does the same and is raised when they have. A row that is set aside stays without an outcome, and others go on.
    """
    source = iter(rows)
    ended: asyncio.Queue[asyncio.Task[Outcome]] = asyncio.Queue()
    under_way: set[asyncio.Task[Outcome]] = set()
    crash: BaseException | None = None
    aside: list[SetAside] = []
    try:
        while True:
            for row in islice(source, 0 if stop.wanted else alive - len(under_way)):
                task = asyncio.ensure_future(work(row))
                under_way.add(task)
                task.add_done_callback(ended.put_nowait)
            if not under_way:
                if stop.wanted or not await _turned(turn, stop):
                    break
                continue
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


async def _turned(turn: Callable[[], Awaitable[bool]], stop: Stop) -> bool:
    """Whether more rows may come; what stops a row stops the run here too."""
    try:
        return await stop.unless(turn())
    except ControlError as failed:
        stop.ask(failed)
        return False


async def _end(under_way: set[asyncio.Task[Outcome]]) -> None:
    """End what is under way when the run is ended at once; nobody reads what becomes of it."""
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


async def finish(  # noqa: PLR0913 - a job, its rows, and what it needs of a run
    job: Job[Row, Outcome],
    rows: Callable[[], Iterable[Row]],
    ledger: Ledger,
    models: Models,
    *,
    alive: int,
    stop: Stop,
    turns: Turns | None = None,
) -> AsyncIterator[Kept | Score]:
    """Do a job on rows; what is kept of each outcome comes once it is in the ledger.

    Args:
        job: the job.
        rows: gives the rows that are not done; called again for those that waited for a model.
        ledger: keeps the outcomes.
        models: who is connected.
        alive: rows under way at once.
        stop: the run's.
        turns: what rows may have to wait for.
    """
    work = job.work(models)
    source = Replayed(rows, job.key, turns or Turns())

    async def done(row: Row) -> Kept | Score | None:
        try:
            kept = job.keep(await work(row))
        except Parked as parked:
            source.park(row, parked.waits)
            return None
        await ledger.keep(kept)
        return kept

    async for kept in run(source, done, alive=alive, stop=stop, turn=source.turn):
        if kept is not None:
            yield kept
