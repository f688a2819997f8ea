"""The runner: so many stories at once, each outcome on record as soon as it is there; ends early when asked to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from reasonmed.engine.ledger import encode, pack
from reasonmed.errors import ControlError, SetAside
from reasonmed.pipeline.stages.route import count_outcomes
from reasonmed.runs.samples import equal_by_model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.ledger import Ledger
    from reasonmed.types import Story

_PAGE = 256
_OPEN = """
SELECT position, items.story FROM items LEFT JOIN outcomes USING (id)
WHERE outcomes.id IS NULL AND position > ? ORDER BY position LIMIT ?
"""


async def run(
    stories: Iterable[Story], work: Callable[[Story], Awaitable[Story]], *, alive: int, stop: Stop
) -> AsyncIterator[Story]:
    """Work on at most ``alive`` stories at once; finished ones come in the order in which they finish.

    A ControlError in one of them asks the run to stop: no further story begins, those under way end. Any other error
    does the same and is raised when they have. A story that is set aside stays without an outcome, and others go on.
    """
    source = iter(stories)
    ended: asyncio.Queue[asyncio.Task[Story]] = asyncio.Queue()
    under_way: set[asyncio.Task[Story]] = set()
    crash: BaseException | None = None
    aside: list[SetAside] = []
    more = True
    try:
        while True:
            while more and len(under_way) < alive and not stop.wanted and crash is None:
                story = next(source, None)
                if story is None:
                    more = False
                    break
                task = asyncio.ensure_future(work(story))
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


async def _end(under_way: set[asyncio.Task[Story]]) -> None:
    """End what is under way when the run is ended at once; nobody reads what becomes of it."""
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)


def unfinished(ledger: Ledger) -> Iterator[Story]:
    """The stories of a ledger without an outcome, in order; read in pages, so that no read stands open for long."""
    position = -1
    while True:
        page = list(ledger.query(_OPEN, position, _PAGE, shape=tuple[int, bytes]))
        if not page:
            return
        for position, blob in page:  # noqa: B007 - the last one is where the next page begins
            yield ledger.story(blob)


async def save(ledger: Ledger, story: Story) -> None:
    """Put an outcome on record."""
    said = [probe.verdict.outcome for probe in story.probes if probe.verdict and probe.stratum == "broken_reasoning"]
    if said:
        tried = (said.count("correct"), said.count("error"), said.count("undecided"))
        await ledger.put("INSERT OR REPLACE INTO canaries VALUES (?, ?, ?, ?)", story.question.id, *tried)
    multiples = equal_by_model(story.chains)
    if multiples:
        row = (story.question.id, encode(multiples).decode())
        await ledger.put("INSERT OR REPLACE INTO multiples VALUES (?, ?)", *row)
    counts = count_outcomes(story.chains)
    values = (
        story.question.id,
        story.tier,
        story.failure.reason if story.failure else None,
        0 if story.failure else len(story.kept or ()),
        counts["correct"],
        counts["error"],
        counts["undecided"],
        counts["missing"],
        story.unsampled,
        sum(
            chain.verdict is not None and chain.verdict.prechecked and not chain.verdict.judge for chain in story.chains
        ),
        pack(story),
    )
    await ledger.put("INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *values)
