"""The soak with odd servers: kills, credit that ends, and an account of every answer that was given."""

from __future__ import annotations

import json
import random
import re
import sqlite3
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from _harness import Server, table
from engine import FAULTS, HERE, Setting

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

CALLS_A_QUESTION = 19
IN_FLIGHT = 256
_SESSIONS = 6
"""Runs at most after the last kill: each ends where a firewall turned questions away, and the next one asks again."""
_ENDS = (0, 4, 5)
_MERGED = ("received", "ok", "distinct_ok", "dup_ok", "inflight")
_WHOLE = re.compile(r"Answer: [A-Z]\W*$")
_QUIET = {"whole_body": 1, "out_chars": 600}


class Both:
    """The counters of two servers, summed."""

    def __init__(self, plain: Server, odd: Server) -> None:
        self._plain, self.odd = plain, odd

    def stats(self) -> dict[str, Any]:
        """The sums, with what only one of them counts."""
        plain, odd = self._plain.stats(), self.odd.stats()
        return {**plain, "odd": odd["odd"], **{name: plain[name] + odd[name] for name in _MERGED}}


class Credit:
    """Ends the odd server's credit once so many answers are given; never has the client killed."""

    def __init__(self, both: Both, moment: int) -> None:
        self._both, self._moment, self.ended = both, moment, False

    def __call__(self) -> bool:
        """Look."""
        if not self.ended and self._both.stats()["ok"] >= self._moment:
            self._both.odd.get("set?credit=0")
            self.ended = True
        return False


class Account(NamedTuple):
    """What a ledger holds."""

    recorded: int
    rejected: int
    outcomes: int
    check: str


def account(folder: Path) -> Account:
    """Read it."""
    with closing(sqlite3.connect(folder / "run" / "ledger.db")) as ledger:
        queries = (
            "SELECT COUNT(*) FROM calls WHERE error IS NULL",
            "SELECT COUNT(*) FROM calls WHERE error IS NOT NULL",
            "SELECT COUNT(*) FROM outcomes",
            "PRAGMA quick_check",
        )
        return Account(*(ledger.execute(query).fetchone()[0] for query in queries))


def soak_odd(at: Setting, arguments: argparse.Namespace) -> None:
    """Soak, and settle the account."""
    count = max(1, arguments.requests // CALLS_A_QUESTION)
    questions = at.question_file(count)
    odd = Server(sys.executable, HERE / "_odd_mix.py")
    try:
        both = Both(at.server, odd)
        at.server.reset(**_QUIET, latency_ms=20, sigma=0.7, retry_after=0.2, **FAULTS)
        folder = at.folder("odd")
        lines = _soak(at, both, folder, questions, arguments)
        table(["", ""], [("questions", f"{count:,}"), *lines])
        if arguments.compare:
            at.server.reset(**_QUIET)
            odd.get("set?share=0")
            calm = at.folder("calm")
            at.pipeline(calm, questions, IN_FLIGHT, third=odd.url, counts=both, ends=_ENDS)
            names = ("records.jsonl", "failures.jsonl")
            same = all((folder / "run" / name).read_bytes() == (calm / "run" / name).read_bytes() for name in names)
            print("the same bytes as without faults" if same else "OTHER BYTES than without faults")
    finally:
        odd.close()


def _soak(
    at: Setting, both: Both, folder: Path, questions: Path, arguments: argparse.Namespace
) -> list[tuple[str, str]]:
    begun, dice = time.monotonic(), random.Random(1)  # noqa: S311 - moments of kills
    end = begun + 60 * arguments.minutes
    whens = sorted(dice.randrange(arguments.requests // 20, arguments.requests) for _ in range(arguments.kills + 1))
    without_credit = dice.randrange(arguments.kills + 1)
    gone: list[int] = []
    codes: list[int] = []
    peak = cpu = 0.0

    def session(**more: Any) -> int:
        nonlocal peak, cpu
        left = max(1.0, end - time.monotonic())
        run = at.pipeline(folder, questions, IN_FLIGHT, third=both.odd.url, counts=both, limit=left, ends=_ENDS, **more)
        while both.stats()["inflight"]:
            time.sleep(0.05)
        both.odd.get("set?credit=1")
        peak, cpu = max(peak, run.peak_mb), cpu + run.cpu
        answered = both.stats()["ok"]
        gone.append(answered - account(folder).recorded - sum(gone))
        codes.append(run.code)
        spent = time.monotonic() - begun
        print(f"{spent:,.0f} s: {answered:,} answers, exit {run.code}, {gone[-1]} of them not recorded", flush=True)
        return run.code

    for place, moment in enumerate(whens):
        if place == without_credit:
            session(seen=Credit(both, moment))
        else:
            session(kill_at=moment)
    for _ in range(_SESSIONS):
        if session() == 0 or time.monotonic() >= end:
            break
    stats, found = both.stats(), account(folder)
    faults = {name: stats[name] for name in stats if name[0] == "f" and stats[name]}
    records = (folder / "run" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    cut = sum(_WHOLE.search(json.loads(line)["chain_of_thought"]) is None for line in records)
    size = (folder / "run" / "ledger.db").stat().st_size / 1e9
    return [
        ("time", f"{time.monotonic() - begun:,.0f} s"),
        ("sessions", ", ".join("killed" if code < 0 else f"exit {code}" for code in codes)),
        ("requests that the servers saw", f"{stats['received']:,}"),
        ("faults of the mock server", ", ".join(f"{name} {number:,}" for name, number in faults.items())),
        ("oddities", f"{sum(number for name, number in stats['odd'].items() if name != 'none'):,}"),
        (
            "of these",
            ", ".join(f"{name} {number:,}" for name, number in sorted(stats["odd"].items()) if name != "none"),
        ),
        ("answers given in full", f"{stats['ok']:,}"),
        ("different requests among them", f"{stats['distinct_ok']:,}"),
        ("recorded answers", f"{found.recorded:,}"),
        ("answers paid twice", f"{stats['dup_ok']:,}"),
        ("answers given and not on record when a session ended", ", ".join(map(str, gone))),
        ("rejections on record", f"{found.rejected:,}"),
        ("questions with an outcome", f"{found.outcomes:,}"),
        ("records", f"{len(records):,}, {cut} of them without an end"),
        ("ledger", f"{size:.2f} GB, quick_check {found.check}"),
        ("peak memory", f"{peak:.0f} MB"),
        ("CPU a request", f"{1000 * cpu / max(1, stats['ok']):.2f} ms"),
    ]
