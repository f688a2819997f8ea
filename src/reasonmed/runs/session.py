"""One session of a run: what is noted when it begins and ends, what changed since the last one, what it may spend."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct, to_builtins

from reasonmed.engine.flow.budget import Budget
from reasonmed.engine.journal import Elder
from reasonmed.engine.residency import Residency, Turned
from reasonmed.errors import Drained, RunDirectoryError
from reasonmed.recipe.identity import differences

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from reasonmed.backends import ModelSettings
    from reasonmed.engine.flow.stop import Stop
    from reasonmed.engine.ledger import Ledger
    from reasonmed.recipe.options import Limits
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.intake import Selection

_ADDRESSES = (
    "backend",
    "base_url",
    "serve",
    "endpoint",
    "api_version",
    "api_key_env",
    "ca_file",
    "anthropic_version",
    "prompt_caching",
    "batch",
    "timeout",
    "price",
    "limits",
)


def begin(
    ledger: Ledger,
    models: Mapping[str, ModelSettings],
    limits: Limits,
    selection: Selection | None,
    until_records: int | None,
) -> tuple[int, list[str]]:
    """Note that a session begins; gives its number, and what differs from the last one though it changes no record."""
    harmless = {**_harmless(models, limits, selection), "until_records": until_records}
    last = ledger.told("harmless", dict[str, object])
    changes = [] if last is None else list(differences(last, harmless))
    ledger.note(harmless=json.dumps(harmless), state="running")
    return ledger.begin_session(socket.gethostname(), os.getpid(), json.dumps(changes)), changes


class _Capped(Struct):
    max_cost: float | None = None


class _Sharded(Struct):
    shard: str | None = None


def last_shard(ledger: Ledger) -> str | None:
    """The shard of the last session, as ``3/16``; None where it had all rows."""
    last = ledger.told("harmless", _Sharded)
    return None if last is None else last.shard


class _Ending(Struct):
    until_records: int | None = None


def last_until(ledger: Ledger) -> int | None:
    """The number of records at which the last session was to end; None where it was to take all questions."""
    last = ledger.told("harmless", _Ending)
    return None if last is None else last.until_records


class _Limited(Struct):
    limits: _Capped


def last_cap(ledger: Ledger) -> float | None:
    """The cap on money of the last session, in USD; None where it had none, or there was no session."""
    last = ledger.told("harmless", _Limited)
    return None if last is None else last.limits.max_cost


def end(ledger: Ledger, session: int, how: str) -> None:
    """Note how a session ended; nothing is reserved any more."""
    ledger.end_session(session, how)
    ledger.note(state=how, reserved_usd="0.0")


def left_in_batches(ledger: Ledger) -> list[str]:
    """What is under way at providers when a session ends, in a sentence for each of them."""
    sums: dict[str, list[int]] = {}
    for one in ledger.batches():
        if one.is_under_way:
            sums.setdefault(one.provider, []).append(one.requests)
    return [
        f"{sum(found):,} requests in {len(found)} {'batch' if len(found) == 1 else 'batches'} are under way at "
        f"{provider}; start the command again to pick them up"
        for provider, found in sums.items()
    ]


def spent(ledger: Ledger) -> float:
    """USD that the run has cost so far: what replies cost, and what tries that left none may have cost."""
    return ledger.cost() + lost(ledger)


def lost(ledger: Ledger) -> float:
    """USD that tries without a reply may have cost, at their worst."""
    return ledger.usd("lost_usd")


def budget_of(cap: float | None, ledger: Ledger, grow: Callable[[float], Awaitable[float]] | None = None) -> Budget:
    """The cap on money with what earlier sessions spent; reservations of a killed one count as spent.

    Args:
        cap: USD; None for no cap.
        ledger: the run's.
        grow: asks for more under a cap that several processes share.
    """
    gone = lost(ledger)
    held = ledger.usd("reserved_usd")
    if held:
        gone += held
        ledger.note(lost_usd=repr(gone), reserved_usd="0.0")

    async def remember(bound: float) -> None:
        await ledger.note_soon("reserved_usd", repr(bound))

    async def lose(cost: float) -> None:
        nonlocal gone
        gone += cost
        await ledger.note_soon("lost_usd", repr(gone))

    return Budget(cap, spent(ledger), remember, lose, grow, ledger.reserved())


def turned(ledger: Ledger) -> Turned | None:
    """What became of the models that take turns in memory; None where all are there at once."""
    return ledger.told("turns", Turned)


def residency_of(limits: Limits, ledger: Ledger, stop: Stop) -> Residency | None:
    """Which models are in memory at once, with what earlier sessions did; None where all are."""
    if limits.resident is None:
        return None

    async def note(now: Turned) -> None:
        await ledger.note_soon("turns", json.dumps(to_builtins(now)))

    return Residency(limits.resident, stop, turned(ledger) or Turned(), note)


@contextmanager
def elder_of(folder: RunDirectory) -> Iterator[Elder]:
    """The ledger of an older run, for reading."""
    if not folder.exists:
        raise RunDirectoryError(f"--fork {folder.path}: there is no run")
    with closing(folder.reader()) as ledger:
        yield Elder(ledger, folder.path.name)


@contextmanager
def signals(stop: Stop) -> Iterator[None]:
    """The first SIGINT or SIGTERM asks the run to stop, the second one ends it at once.

    A SIGHUP, for a terminal that is gone, asks too and never ends it at once; ignored (``nohup``), it stays so.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def asked() -> None:
        if stop.wanted and task is not None:
            task.cancel()
        stop.ask(Drained("interrupted"))

    def left() -> None:
        stop.ask(Drained("the terminal is gone"))

    handlers = {signal.SIGINT: asked, signal.SIGTERM: asked}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        handlers[signal.SIGHUP] = left
    try:
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
    except (NotImplementedError, RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)


def _harmless(models: Mapping[str, ModelSettings], limits: Limits, selection: Selection | None) -> dict[str, object]:
    """What may change between sessions: addresses, names of key variables, limits, prices, the selection."""
    told = {name: entry.model_dump(mode="json") for name, entry in models.items()}
    return {
        "limits": limits.model_dump(mode="json"),
        "models": {name: {key: entry[key] for key in _ADDRESSES if key in entry} for name, entry in told.items()},
        "limit": selection.limit if selection else None,
        "sample": selection.sample if selection else None,
        "shard": str(selection.shard) if selection and selection.shard else None,
    }
