"""The live view of a job: a table at a terminal, plain or JSON lines elsewhere."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from reasonmed.cli._console import clip, err, safe, say
from reasonmed.report.figures import duration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reasonmed.runs.progress import Snapshot, Watch

_TABLE_EVERY = 0.25
_LINE_EVERY = 10.0
_MINUTE = 60
_COLUMNS = ("done", "from_ledger", "open", "waiting", "tokens_in", "tokens_out")


@asynccontextmanager
async def live(watch: Watch, noun: str, *, as_json: bool = False) -> AsyncIterator[None]:
    """Show how the job goes for as long as it goes."""
    if as_json:
        shown = asyncio.create_task(_json_lines(watch))
    else:
        shown = asyncio.create_task(_table(watch, noun) if err.is_terminal else _lines(watch, noun))
    try:
        yield
    finally:
        shown.cancel()
        await asyncio.gather(shown, return_exceptions=True)
        (_tell_log if as_json else _tell)(watch)
        if as_json:
            _log({"event": "end", **msgspec.to_builtins(watch.snapshot())})


async def _table(watch: Watch, noun: str) -> None:
    with Live(console=err, transient=True, auto_refresh=False) as view:
        while True:
            _tell(watch)
            view.update(_picture(watch.snapshot(), noun), refresh=True)
            await asyncio.sleep(_TABLE_EVERY)


async def _lines(watch: Watch, noun: str) -> None:
    last = ""
    while True:
        _tell(watch)
        await asyncio.sleep(_LINE_EVERY if last else 1.0)
        line = _line(watch.snapshot(), noun)
        if line != last:
            say(line)
        last = line


async def _json_lines(watch: Watch) -> None:
    while True:
        _tell_log(watch)
        _log({"event": "progress", **msgspec.to_builtins(watch.snapshot())})
        await asyncio.sleep(_LINE_EVERY)


def _log(told: dict[str, object]) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    err.file.write(json.dumps({"time": stamp, **told}) + "\n")
    err.file.flush()


def _tell_log(watch: Watch) -> None:
    while watch.notes:
        _log({"event": "note", "text": watch.notes.pop(0)})


def _tell(watch: Watch) -> None:
    while watch.notes:
        say(watch.notes.pop(0), "cyan")


def _line(now: Snapshot, noun: str) -> str:
    parts = [
        f"{now.phase}: {now.done:,}/{now.total:,} {noun}{_records(now)}",
        f"{now.replies:,} replies ({now.replies_per_s:.1f}/s), {now.open} open, {now.waiting} waiting",
        f"{now.tokens_written:,} tokens written ({now.tokens_per_s:.0f}/s)",
        _money(now),
        f"{duration(now.elapsed_s)}{_left(now)}",
        _turns(now),
        _batches(now),
        _holds(now),
        _faults(now),
    ]
    return " · ".join(part for part in parts if part)


def _records(now: Snapshot) -> str:
    return "" if now.until_records is None else f", {now.records or 0:,} of {now.until_records:,} records"


def _money(now: Snapshot) -> str:
    if not now.spent_usd:
        return ""
    projected = f", about {now.projected_usd:.2f} in all" if now.projected_usd else ""
    return f"{now.spent_usd:.4f} USD{projected}"


def _left(now: Snapshot) -> str:
    return f", about {duration(now.left_s)} left" if now.left_s else ""


def _faults(now: Snapshot) -> str:
    faults = ", ".join(f"{count} {name}" for name, count in now.faults.items())
    last = now.last_error
    told = [f"faults: {faults}" if faults else "", f"last error: {clip(last)}" if last else ""]
    return " · ".join(part for part in told if part)


def _holds(now: Snapshot) -> str:
    """Which addresses asked to be left alone, and until when."""
    held = [(one.address, one.held_s) for one in now.endpoints if one.held_s]
    return ", ".join(f"held by {address} until {_clock_in(seconds)}" for address, seconds in held)


def _turns(now: Snapshot) -> str:
    """Which model is in memory, and how many questions wait for others."""
    turns = now.turns
    if turns is None:
        return ""
    waits = ", ".join(f"{count:,} for {name}" for name, count in turns.waiting.items())
    told = [f"in memory: {', '.join(turns.open) or 'none'}", f"questions wait: {waits}" if waits else ""]
    return ", ".join(part for part in (*told, f"{turns.switches} switches") if part)


def _batches(now: Snapshot) -> str:
    """What is held for batch jobs, and what is under way."""
    found = now.batches
    if not any(found.values()):
        return ""
    return f"{found['submitted']:,} requests in {found['batches']:,} batches under way, {found['held']:,} held"


def _clock_in(seconds: float) -> str:
    """The time of day in so many seconds."""
    at = time.localtime(time.time() + seconds)
    return time.strftime("%H:%M" if seconds >= _MINUTE else "%H:%M:%S", at)


def _picture(now: Snapshot, noun: str) -> Group:
    head = Table.grid(padding=(0, 2, 0, 0))
    words = f"{now.phase}: {now.done:,} of {now.total:,} {noun}{_records(now)}, {duration(now.elapsed_s)}{_left(now)}"
    head.add_row(ProgressBar(total=max(1, now.total), completed=now.done, width=30), Text(words))
    rates = f"{now.replies_per_s:.1f} replies/s, {now.tokens_per_s:.0f} tokens/s  {_money(now)}"
    troubles = [safe(text, "yellow") for text in (_batches(now), _holds(now), _faults(now)) if text]
    turns = [safe(text) for text in (_turns(now),) if text]
    return Group(head, Text(rates, style="dim"), *turns, _stages(now), _endpoints(now), *troubles)


def _stages(now: Snapshot) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("stage", "replies", "from the ledger", "open", "waiting", "tokens in", "tokens out"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for name, one in now.stages.items():
        table.add_row(safe(name), *(f"{getattr(one, column):,}" for column in _COLUMNS))
    return table


def _endpoints(now: Snapshot) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("model", "address", "open", "limit", "state"):
        table.add_column(name, justify="right" if name in ("open", "limit") else "left", no_wrap=True, max_width=48)
    for one in now.endpoints:
        limit = f"{one.limit}" if one.limit == one.ceiling else f"{one.limit} of {one.ceiling}"
        style = {"down": "bold red", "throttled": "yellow", "held": "yellow"}.get(one.state, "")
        table.add_row(safe(one.model), safe(one.address), str(one.open), limit, Text(one.state, style=style))
    return table
