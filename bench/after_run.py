"""What comes after a run, and how long it takes: check, rebuild, exports, status, why, and the run's own command again.

    python bench/after_run.py [--questions 500] [--only check rebuild ...]

The run is made by the scripted back end: the whole pipeline with recorded calls, no model. Each command is a process
with those that it starts; its seconds of CPU, less those of the same command on a run of ten questions, give the
time at 200,000 questions on 8 cores where all of them share the work, and on one where they do not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from _harness import machine, table
from _made_run import made_question
from reasonmed.questions._lint import native_row

if TYPE_CHECKING:
    from collections.abc import Sequence

WANTED, CORES, FEW = 200_000, 8, 10
_SEVEN = "reasonmed-json,records,trl-sft,messages,dpo,axolotl,kto"


class Taken(NamedTuple):
    """Seconds on the clock and of CPU, and the most memory that one process used, in MB."""

    wall: float
    cpu: float
    peak: float


def make(folder: Path, count: int) -> list[str]:
    """Run N made-up questions; returns the command of that run."""
    rows = [json.dumps(native_row(made_question(number))) + "\n" for number in range(count)]
    questions = folder.with_suffix(".jsonl")
    questions.write_text("".join(rows), encoding="utf-8")
    command = ["run", str(questions), "-r", "scripted", "-o", str(folder), "--max-failures", "100%"]
    taken(command)
    return command


def taken(words: Sequence[str]) -> Taken:
    """What a command took; the benchmark ends where it fails."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "reasonmed", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    said = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)}: {said.decode(errors='replace')[-2000:]}")
    return Taken(time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def commands(run: Path, again: Sequence[str], scratch: Path) -> dict[str, tuple[list[str], int]]:
    """The commands by what they do, each with the number of cores that share it."""
    name = str(made_question(0).id)
    out = str(scratch / f"{run.name}-data")
    return {
        "check": (["check", str(run), "--json", str(scratch / f"{run.name}.json")], CORES),
        "rebuild": (["rebuild", str(run)], CORES),
        "seven formats": (["export", str(run), "-o", out, "--format", _SEVEN, "--demo"], 1),
        "status": (["status", str(run)], 1),
        "why": (["why", str(run), name], 1),
        "run again, nothing to do": ([*again], 1),
    }


def main() -> None:
    """Make two runs, and time every command on both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--only", nargs="*", help="Some of the commands.")
    asked = parser.parse_args()
    print(f"# {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="reasonmed-after-") as place:
        few, many = Path(place, "few"), Path(place, "many")
        small = commands(few, make(few, FEW), Path(place))
        large = commands(many, make(many, asked.questions), Path(place))
        size = (many / "ledger.db").stat().st_size / asked.questions / 1000
        print(f"{asked.questions:,} questions, {size:.0f} kB of ledger a question")
        rows = []
        for name in asked.only or large:
            least, found, cores = taken(small[name][0]), taken(large[name][0]), large[name][1]
            each = max(0.0, found.cpu - least.cpu) / (asked.questions - FEW)
            rows.append((name, found.wall, found.cpu, found.peak, cores, 1000 * each, each * WANTED / cores / 60))
        table(["", "s", "CPU s", "peak MB", "cores", "CPU ms a question", f"min at {WANTED:,}"], rows)


if __name__ == "__main__":
    main()
