"""The live view of a job: a table at a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reasonmed.cli._console import err, say
from reasonmed.flow.meter import Meter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reasonmed.job import Watch

_TABLE_EVERY = 0.25
_LINE_EVERY = 10.0
_MINUTE = 60


@asynccontextmanager
async def live(watch: Watch, noun: str) -> AsyncIterator[None]:
    """Show how the job goes for as long as it goes."""
    shown = asyncio.create_task(_table(watch, noun) if err.is_terminal else _lines(watch, noun))
    try:
        yield
    finally:
        shown.cancel()
        await asyncio.gather(shown, return_exceptions=True)


async def _table(watch: Watch, noun: str) -> None:
    started = time.monotonic()
    with Live(console=err, transient=True, auto_refresh=False) as view:
        while True:
            _tell(watch)
            view.update(_picture(watch, noun, time.monotonic() - started), refresh=True)
            await asyncio.sleep(_TABLE_EVERY)


async def _lines(watch: Watch, noun: str) -> None:
    started, last = time.monotonic(), ""
    while True:
        _tell(watch)
        await asyncio.sleep(min(_LINE_EVERY, 1.0 if not last else _LINE_EVERY))
        line = _line(watch, noun, time.monotonic() - started)
        if line != last:
            say(line)
        last = line


def _tell(watch: Watch) -> None:
    while watch.notes:
        say(watch.notes.pop(0), "cyan")


def _line(watch: Watch, noun: str, elapsed: float) -> str:
    meter = _meter(watch)
    stages = meter.stages
    done = sum(one.done for one in stages.values())
    open_now = sum(one.in_flight for one in stages.values())
    waiting = sum(one.waiting for one in stages.values())
    tokens = sum(one.completion_tokens for one in stages.values())
    rate = done / elapsed if elapsed else 0
    faults = ", ".join(f"{count} {name}" for name, count in sorted(meter.faults.items()))
    parts = [
        f"{watch.phase}: {watch.done_before + watch.done}/{watch.total} {noun}",
        f"{done} replies ({rate:.1f}/s), {open_now} open, {waiting} waiting",
        f"{tokens:,} tokens written",
        f"{duration(elapsed)}{_left(watch, elapsed)}",
    ]
    return " · ".join([*parts, *([f"faults: {faults}"] if faults else [])])


def _meter(watch: Watch) -> Meter:
    """The counts so far; none before the models are connected."""
    return watch.control.meter if watch.control is not None else Meter()


def _left(watch: Watch, elapsed: float) -> str:
    """The time that is left, from the questions done in this session."""
    missing = watch.total - watch.done_before - watch.done
    if not watch.done or missing <= 0:
        return ""
    return f", about {duration(elapsed / watch.done * missing)} left"


def _picture(watch: Watch, noun: str, elapsed: float) -> Group:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("stage", "replies", "from the ledger", "open", "waiting", "tokens in", "tokens out"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    meter = _meter(watch)
    for name, one in list(meter.stages.items()):
        counts = (one.done, one.replayed, one.in_flight, one.waiting, one.prompt_tokens, one.completion_tokens)
        table.add_row(name, *(f"{count:,}" for count in counts))
    done = watch.done_before + watch.done
    head = Table.grid(padding=(0, 2, 0, 0))
    words = f"{watch.phase}: {done:,} of {watch.total:,} {noun}, {duration(elapsed)}{_left(watch, elapsed)}"
    head.add_row(ProgressBar(total=max(1, watch.total), completed=done, width=30), Text(words))
    faults = ", ".join(f"{count} {name}" for name, count in sorted(meter.faults.items()))
    return Group(head, table, Text(f"faults, tried again: {faults}" if faults else "", style="yellow"))


def duration(seconds: float) -> str:
    """Seconds for people: ``8 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    minutes, rest = divmod(whole, _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // _MINUTE} h {minutes % _MINUTE:02d} min"
