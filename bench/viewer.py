"""The viewer on a large run: how long its index takes, how quick its pages are, and whether it disturbs a run.

    python bench/viewer.py [--questions 200000] [--calls 0] [--run DIR]
    python bench/viewer.py --beside [--bench DIR] [--pairs 5] [--questions 300]

The first one makes a run without a model (``_made_run.py`` says of what length; ``--run`` keeps it, or uses it where it
is there), lets a viewer of its own process index it, and asks for pages by HTTP, one after another, while it is indexed
and afterwards. ``--beside`` times runs against the mock server, by turns alone and with a viewer whose overview and
list are asked for every two seconds.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote
from urllib.request import HTTPCookieProcessor, build_opener

from _harness import machine, median, server_of, table
from _made_run import CHAIN, CHAINS, REASON, STEM, make_run, word
from engine import HERE, Setting, real_questions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_LOOK = 2.0
"""Seconds between two looks of a page that follows a run."""
_TOKEN = re.compile(r"([\d,]+) of ([\d,]+) questions indexed")


class Client:
    """Asks a viewer, one page after another."""

    def __init__(self, link: str) -> None:
        self._base = link.partition("/?")[0]
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))
        self.get(link.removeprefix(self._base))

    def get(self, path: str) -> str:
        """A page."""
        with self._opener.open(self._base + path, timeout=120) as answer:
            return str(answer.read().decode())

    def seconds(self, path: str) -> float:
        """How long a page takes."""
        begun = time.perf_counter()
        self.get(path)
        return time.perf_counter() - begun


class Viewer(NamedTuple):
    """A viewer in a process of its own."""

    client: Client
    pid: int
    started: float
    """Seconds from its start to its first page."""

    def peak_mb(self) -> float:
        """The most memory that it has used."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmHWM:\s*(\d+) kB", status)
        return int(found[1]) / 1000 if found else float("nan")

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def viewing(run: Path) -> Iterator[Viewer]:
    """A viewer over a run."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "reasonmed", "view", str(run), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        client = Client(process.stdout.readline().strip())
        client.get("/questions")
        yield Viewer(client, process.pid, time.perf_counter() - begun)
    finally:
        process.terminate()
        process.wait()


def pages(count: int) -> dict[str, Callable[[random.Random], str]]:
    """Addresses by what they try; each draws its words and numbers anew."""

    def common(dice: random.Random) -> str:
        return word(dice.randrange(20, 200))

    def rare(dice: random.Random) -> str:
        return word(dice.randrange(20_000, 30_000))

    def source(dice: random.Random) -> str:
        return f"source=source-{dice.randrange(40)}"

    return {
        "list, first page": lambda _: "/questions",
        "overview": lambda _: "/",
        "search, rare word": lambda dice: f"/questions?q={rare(dice)}",
        "search, common word": lambda dice: f"/questions?q={common(dice)}",
        "search, two common words": lambda dice: f"/questions?q={common(dice)}+{common(dice)}",
        "search, the most frequent words": lambda dice: f"/questions?q={word(dice.randrange(20))}",
        "search, beginning of a word": lambda dice: f"/questions?q={common(dice)[:3]}*",
        "filter": lambda dice: f"/questions?{source(dice)}&tier=medium",
        "filter and common word": lambda dice: f"/questions?{source(dice)}&q={common(dice)}",
        "order": lambda dice: f"/questions?sort={dice.choice(('wrong', 'low', 'high', 'id', 'records'))}",
        "deep page": lambda dice: f"/questions?page={dice.randrange(1, max(2, count // 50))}",
        "deep page, in order": lambda dice: f"/questions?sort=low&page={dice.randrange(1, max(2, count // 50))}",
        "a question": lambda dice: f"/question/{quote(f'made-{dice.randrange(count):06d}')}",
    }


def figures(
    client: Client, count: int, requests: int, names: Sequence[str] = ()
) -> list[tuple[str, float, float, float]]:
    """Pages with their median, 95th percentile and longest time in milliseconds."""
    dice, found = random.Random(5), []  # noqa: S311 - draws of a benchmark guard nothing
    for name, address in pages(count).items():
        if not names or name in names:
            taken = sorted(1000 * client.seconds(address(dice)) for _ in range(requests))
            found.append((name, statistics.median(taken), taken[round(0.95 * (len(taken) - 1))], taken[-1]))
    return found


def show(run: Path, count: int, requests: int) -> None:
    """Index a run, and time pages meanwhile and afterwards."""
    for side in run.glob("view.*"):
        side.unlink()
    columns = ["page", "p50 ms", "p95 ms", "longest ms"]
    print(f"{count:,} questions, {CHAINS} chains of {CHAIN} words each, stems of {STEM}, reasons of {REASON}")
    with viewing(run) as viewer:
        begun, meanwhile = time.perf_counter(), list[tuple[str, float, float, float]]()
        while _TOKEN.search(viewer.client.get("/questions")):
            if not meanwhile:
                meanwhile = figures(
                    viewer.client, count, requests, ("list, first page", "search, rare word", "a question")
                )
            time.sleep(0.5)
        seconds, cpu = time.perf_counter() - begun, viewer.cpu()
        rows = [("first page without an index, s", viewer.started), ("index, s", seconds), ("index, CPU s", cpu)]
        rows += [("questions/s", count / seconds), ("peak MB", viewer.peak_mb())]
    rows.append(("index, MB", (run / "view.db").stat().st_size / 1e6))
    with viewing(run) as viewer:
        afterwards = figures(viewer.client, count, requests)
        rows += [("first page with an index, s", viewer.started), ("peak MB with an index", viewer.peak_mb())]
    table(["", ""], rows)
    print("while it is indexed")
    table(columns, meanwhile)
    print("afterwards")
    table(columns, afterwards)


def beside(bench: Path, pairs: int, count: int) -> None:
    """Time runs, by turns alone and with a viewer."""
    with tempfile.TemporaryDirectory(prefix="reasonmed-viewer-") as scratch, server_of(bench, Path(scratch)) as server:
        at = Setting(server, bench, Path(scratch), pairs, {}, list(real_questions(bench)))
        taken: dict[bool, list[float]] = {False: [], True: []}
        for number in range(2 * pairs):
            watched = number % 4 in (1, 2)  # alone, watched, watched, alone: a drift of the machine hits both alike
            folder = at.folder("beside")
            server.reset(whole_body=1, latency_ms=200)
            done = Event()
            looking = Thread(target=_look, args=(folder / "run", done))
            if watched:
                looking.start()
            run = at.pipeline(folder, at.question_file(count), 64)
            done.set()
            if watched:
                looking.join()
            taken[watched].append(run.wall)
            print(f"{'watched' if watched else 'alone'}: {run.wall:.2f} s, {run.cpu:.2f} s of CPU", flush=True)
    alone, watched_too = median(taken[False]), median(taken[True])
    table(["run", "median s"], [("alone", alone), ("with a viewer", watched_too), ("ratio", watched_too / alone)])


def _look(run: Path, done: Event) -> None:
    """Look at a run every two seconds, from when it is there until it is done."""
    while not (run / "ledger.db").is_file() or not (run / "run.json").is_file():
        if done.wait(0.05):
            return
    with viewing(run) as viewer:
        while not done.wait(_LOOK):
            viewer.client.get("/")
            viewer.client.get("/questions")


def main() -> None:
    """Show pages or runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, help="Default: 200,000; 300 with --beside.")
    parser.add_argument("--calls", type=int, default=0, help="Recorded calls of each question.")
    parser.add_argument("--requests", type=int, default=40, help="For pages of each kind.")
    parser.add_argument("--run", type=Path, help="Where the run is made and kept.")
    parser.add_argument("--beside", action="store_true", help="Time runs with and without a viewer.")
    parser.add_argument("--bench", type=Path, default=HERE.parent.parent / "shared" / "bench")
    parser.add_argument("--pairs", type=int, default=5)
    asked = parser.parse_args()
    print(f"# {machine()}\n", flush=True)
    if asked.beside:
        beside(asked.bench.resolve(), asked.pairs, asked.questions or 300)
        return
    count = asked.questions or 200_000
    with tempfile.TemporaryDirectory(prefix="reasonmed-viewer-") as scratch:
        run = asked.run or Path(scratch, "run")
        if not run.exists():
            make_run(run, count, asked.calls)
        show(run, count, asked.requests)


if __name__ == "__main__":
    main()
