"""How the rate of a run grows with the shards of a Ray cluster, and what Ray itself costs one of them.

    python bench/ray_workers.py --bench DIR [--workers 1,2,4] [--questions 100]

Each shard has the same number of questions and of open requests, against the mock server with 500 ms latency. The rate
is that from the first request to the last answer as the server sees it; the cluster is one that the run starts on this
machine and ends with it. The run without Ray has the questions of one shard, in one process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from _harness import machine, server_of, table
from engine import HERE, RECIPE, Setting, real_questions

LATENCY_MS, IN_FLIGHT = 500, 32


class Ran(NamedTuple):
    """One run: requests, seconds of the span and of the wall."""

    requests: int
    span: float
    wall: float

    @property
    def rate(self) -> float:
        """Requests a second of the span."""
        return self.requests / self.span


def main() -> None:
    """Run without Ray, then with each number of shards, by turns."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=HERE.parent.parent / "shared" / "bench")
    parser.add_argument("--workers", default="1,2,4", help="Numbers of shards.")
    parser.add_argument("--questions", type=int, default=100, help="Questions a shard.")
    parser.add_argument("--runs", type=int, default=1)
    arguments = parser.parse_args()
    bench, numbers = arguments.bench.resolve(), [0, *map(int, arguments.workers.split(","))]
    print(f"# {machine()}\n", flush=True)
    found: dict[int, list[Ran]] = {number: [] for number in numbers}
    with tempfile.TemporaryDirectory(prefix="reasonmed-ray-") as scratch, server_of(bench, Path(scratch)) as server:
        at = Setting(server, bench, Path(scratch), arguments.runs, {}, list(real_questions(bench)))
        for turn in range(arguments.runs):
            for number in numbers:
                found[number].append(_run(at, number, arguments.questions * max(1, number), f"{turn}-{number}"))
    _show(found)


def _run(at: Setting, shards: int, questions: int, name: str) -> Ran:
    folder = at.scratch / name
    folder.mkdir()
    file = at.question_file(questions)
    recipe = RECIPE.format(url=at.server.url, third=at.server.url, in_flight=IN_FLIGHT)
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    command = [sys.executable, "-m", "reasonmed", "run", str(file), "-r", "recipe.yaml", "-o", "run"]
    spread = ["--ray", "local", "--shards", str(shards)] if shards else []
    at.server.reset(latency_ms=LATENCY_MS, whole_body=1)
    begun = time.perf_counter()
    done = subprocess.run(
        [*command, "--max-failures", "100%", *spread],
        cwd=folder,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - begun
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with exit code {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    stats = at.server.stats()
    return Ran(int(stats["ok"]), float(stats["span_s"]), wall)


def _show(found: dict[int, list[Ran]]) -> None:
    lines = []
    rates = {number: statistics.median(one.rate for one in runs) for number, runs in found.items()}
    first = min((number for number in found if number), default=0)
    for number, runs in found.items():
        one = sorted(runs, key=lambda ran: ran.rate)[len(runs) // 2]
        linear = f"{rates[number] / (rates[first] / first * number):.2f}" if number else "-"
        values = [f"{one.requests:,}", f"{one.span:.1f}", f"{one.rate:.1f}", linear]
        lines.append([str(number) if number else "without Ray", *values, f"{one.wall:.1f}"])
    table(["shards", "requests", "span s", "requests/s", "x linear", "wall s"], lines)


if __name__ == "__main__":
    main()
