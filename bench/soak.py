"""A million requests with faults and kills, bounded in time; then how fast such a run is taken up again.

    python bench/soak.py --bench DIR [--requests 1000000] [--minutes 60] [--kills 5]
    python bench/soak.py --bench DIR --odd --requests 200000 --minutes 20 --kills 3

The whole pipeline runs on a server that throttles (5 %), fails (2 %), drops, truncates and garbles (1 % each). It is
killed with -9 at random moments and started again by the same command. Prints what was asked, paid twice and lost.
With --odd one of three models is at a server that also mixes in the oddities of `selftest --odd` (6 %, see
_odd_mix.py), and whose credit ends once; --compare makes the same run without faults and compares the files.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from _harness import FirstRequest, machine, server_of, table
from _odd_soak import soak_odd
from engine import FAULTS, HERE, Setting, real_questions

CALLS_A_QUESTION = 22


def main() -> None:
    """Soak, then resume."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=HERE.parent.parent / "shared" / "bench")
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--odd", action="store_true", help="Mix in the oddities of selftest --odd.")
    parser.add_argument(
        "--compare", action="store_true", help="With --odd: the same run without faults, and its files."
    )
    parser.add_argument("--folder", type=Path, default=None, help="Where the run's files go (about 2 GB a million).")
    arguments = parser.parse_args()
    bench = arguments.bench.resolve()
    print(f"# {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="reasonmed-soak-", dir=arguments.folder) as scratch:
        place = Path(scratch)
        with server_of(bench, place) as server:
            at = Setting(server, bench, place, 1, {}, list(real_questions(bench)))
            (soak_odd if arguments.odd else _soak)(at, arguments)


def _soak(at: Setting, arguments: argparse.Namespace) -> None:
    folder = at.folder("soak")
    questions = at.question_file(arguments.requests // CALLS_A_QUESTION)
    at.server.reset(whole_body=1, out_chars=600, latency_ms=20, sigma=0.7, retry_after=0.2, **FAULTS)
    at.server.mark()
    end, dice = time.monotonic() + 60 * arguments.minutes, random.Random(1)  # noqa: S311 - moments of kills
    moments = sorted(dice.randrange(arguments.requests) for _ in range(arguments.kills))
    peak, cpu, begun = 0.0, 0.0, time.monotonic()
    for moment in [*moments, arguments.requests]:
        left = end - time.monotonic()
        if left <= 0:
            break
        run = at.pipeline(folder, questions, 256, kill_at=moment, limit=left)
        peak, cpu = max(peak, run.peak_mb), cpu + run.cpu
        print(f"{time.monotonic() - begun:,.0f} s: {run.stats['ok']:,} answers, exit {run.code}", flush=True)
    stats = at.server.stats()
    with closing(sqlite3.connect(folder / "run" / "ledger.db")) as ledger:
        (recorded,) = ledger.execute("SELECT COUNT(*) FROM calls WHERE error IS NULL").fetchone()
        (done,) = ledger.execute("SELECT COUNT(*) FROM outcomes").fetchone()
        (check,) = ledger.execute("PRAGMA quick_check").fetchone()
    size = (folder / "run" / "ledger.db").stat().st_size / 1e9
    table(
        ["", ""],
        [
            ("requests that the server saw", f"{stats['received']:,}"),
            ("answers that it gave in full", f"{stats['ok']:,}"),
            ("on record", f"{recorded:,}"),
            ("answers paid twice", f"{stats['dup_ok']:,}"),
            ("questions finished", f"{done:,}"),
            ("ledger", f"{size:.2f} GB, quick_check {check}"),
            ("peak memory", f"{peak:.0f} MB"),
            ("CPU a request", f"{1000 * cpu / stats['ok']:.2f} ms"),
            (
                "faults",
                ", ".join(f"{name} {stats[name]:,}" for name in sorted(stats) if name[0] == "f" and stats[name]),
            ),
        ],
    )
    _resume(at, folder, questions)


def _resume(at: Setting, folder: Path, questions: Path) -> None:
    """Start-up until the first new request: the run goes on with one more question, after a kill."""
    lines: list[tuple[str, str, float]] = []
    for name in ("after kill -9", "and again"):
        with questions.open("a", encoding="utf-8") as sink:
            sink.write(at.questions[len(lines)].replace('"id": "', f'"id": "more-{len(lines)}-') + "\n")
        at.server.reset(whole_body=1, latency_ms=60_000)
        first = FirstRequest(at.server)
        run = at.pipeline(folder, questions, 256, limit=45, seen=first)
        lines.append((name, str(first), run.peak_mb))
    table(["a run with so many calls, one more question", "s to its first request", "peak MB"], lines)


if __name__ == "__main__":
    main()
