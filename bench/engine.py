"""The engine against a mock server: overhead, latency, heavy tails, memory, faults, kills.

    python bench/engine.py --bench DIR [overhead latency tail pipeline memory faults kill] [--runs 3]

DIR holds ``server/mockllm.c`` and ``clients/c_*.py`` of the comparison. The server has one CPU and the client another.
Further clients are asked for by the Python that has their packages: ``--python openai=PATH --python original40=PATH``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from _harness import Counts, Measured, Server, answered, machine, measure, median, rows_file, server_of, table

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROWS = 5000
FAULTS = {"p429": 0.05, "p500": 0.02, "pdrop": 0.01, "ptrunc": 0.01, "pmalformed": 0.01}
RECIPE = """
models:
  a: {{backend: openai, base_url: {url}, model: a}}
  b: {{backend: openai, base_url: {url}, model: b}}
  c: {{backend: openai, base_url: {third}, model: c}}
  judge: {{backend: openai, base_url: {url}, model: judge}}
stages:
  generate: {{models: [a, b, c]}}
  verify: {{model: judge}}
  rank: {{model: judge}}
  refine: {{model: a}}
  optimize: {{model: b}}
  summarize: {{model: c, max_tokens: 120}}
limits: {{in_flight: {in_flight}}}
"""
"""The server writes one prose for all; a response as long as its chain of thought would be refused as a copy of it."""
CLIENTS = {
    "aiohttp": ("c_aiohttp.py", ""),
    "openai": ("c_openai.py", ""),
    "original40": ("c_original.py", ""),
    "curator": ("c_curator.py", ""),
}
"""Clients of the comparison: script and mode; reasonmed's own stands beside them."""


class Setting(NamedTuple):
    """Where things are, and how often each is measured."""

    server: Server
    bench: Path
    scratch: Path
    runs: int
    pythons: dict[str, str]
    questions: list[str]
    scale: float = 1.0

    def size(self, count: int) -> int:
        """A number of rows, answers or questions, scaled."""
        return max(1, round(count * self.scale))

    def rows(self, count: int = ROWS) -> Path:
        """So many plain rows, scaled."""
        return rows_file(self.scratch / "rows.jsonl", self.size(count))

    def folder(self, name: str) -> Path:
        """An empty folder."""
        path = self.scratch / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def clients(self) -> list[str]:
        """The clients that can start here."""
        names = ["aiohttp", "reasonmed"]
        return names + [name for name in CLIENTS if name in self.pythons and name not in names]

    def command(self, name: str, rows: Path, folder: Path, concurrency: int, stages: str = "one") -> list[str]:
        """The command line of a client."""
        script, mode = CLIENTS.get(name, ("", ""))
        path = HERE / "client_reasonmed.py" if name == "reasonmed" else self.bench / "clients" / script
        words = [self.pythons.get(name, sys.executable), str(path), "--base-url", self.server.url, "--input", str(rows)]
        words += ["--output", str(folder / "out.jsonl"), "--work", str(folder / "work")]
        return [*words, "--concurrency", str(concurrency), "--stages", stages, "--mode", mode]

    def client(
        self, name: str, rows: Path, concurrency: int, stages: str = "one", *, faults: dict[str, float] | None = None
    ) -> Measured:
        """One run of a client from nothing."""
        folder = self.folder(name)
        self.server.reset(**(faults or {}))
        command = self.command(name, rows, folder, concurrency, stages)
        return answered(measure(self.server, command, folder), command, folder)

    def question_file(self, count: int) -> Path:
        """So many questions: the real ones, over and over under new names."""
        path = self.scratch / f"questions-{count}.jsonl"
        with path.open("w", encoding="utf-8") as sink:
            for number in range(count):
                row = json.loads(self.questions[number % len(self.questions)])
                row["id"] = f"{row.get('id', 'q')}-{number}"
                row["question"] = f"{row['question']} (case {number})"
                sink.write(json.dumps(row) + "\n")
        return path

    def pipeline(
        self,
        folder: Path,
        questions: Path,
        in_flight: int,
        *,
        third: str | None = None,
        counts: Counts | None = None,
        **more: Any,
    ) -> Measured:
        """``reasonmed run`` of the whole pipeline; ``third`` is an address of its own for the third model."""
        recipe = RECIPE.format(url=self.server.url, third=third or self.server.url, in_flight=in_flight)
        (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
        command = [sys.executable, "-m", "reasonmed", "run", str(questions), "-r", "recipe.yaml", "-o", "run"]
        return measure(counts or self.server, [*command, "--max-failures", "100%"], folder, **more)


def overhead(at: Setting) -> None:
    """No latency, 64 in flight, the durable ledger on: what a request costs the client."""
    _compare(at, ROWS, 64, {})


def latency(at: Setting) -> None:
    """200 ms, 512 and 2,000 in flight."""
    _compare(at, ROWS, 512, {"latency_ms": 200})
    _compare(at, 4 * ROWS, 2000, {"latency_ms": 200})


def _compare(at: Setting, count: int, concurrency: int, server: dict[str, float]) -> None:
    rows, few = at.rows(count), rows_file(at.scratch / "few.jsonl", 50)
    print(f"{at.size(count):,} requests, {concurrency} in flight, {server or 'no latency'}")
    found: dict[str, list[Measured]] = {name: [] for name in at.clients()}
    base = {name: at.client(name, few, concurrency, faults=server).cpu for name in found}
    for _ in range(at.runs):
        for name, runs in found.items():
            runs.append(at.client(name, rows, concurrency, faults=server))
    reference = median([run.rate for run in found["aiohttp"]])
    reference_cpu = median([run.cpu for run in found["aiohttp"]]) - base["aiohttp"]
    reference_wall = median([run.wall for run in found["aiohttp"]])
    lines = []
    for name, runs in found.items():
        rate, cpu, wall = (median([getattr(run, what) for run in runs]) for what in ("rate", "cpu", "wall"))
        own = cpu - base[name]
        answers = runs[0].stats["ok"]
        lines.append((
            name, rate, rate / reference, 1000 * own / answers, own / reference_cpu, wall, wall / reference_wall,
            median([run.peak_mb for run in runs]), runs[0].stats["max_inflight"],
        ))  # fmt: skip
    table(
        ["client", "requests/s", "x aiohttp", "CPU ms/request", "x aiohttp", "wall s", "x aiohttp", "peak MB",
         "most in flight"],
        lines,
    )  # fmt: skip


def tail(at: Setting) -> None:
    """Nine generations and nine verifications a question, log-normal latency (median 300 ms, sigma 1)."""
    count, concurrency, shape = at.size(300), 128, {"latency_ms": 300.0, "sigma": 1.0}
    spec = importlib.util.spec_from_file_location("comparison", at.bench / "bench.py")
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - a file that is there
    comparison = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(comparison)
    rows = at.scratch / "staged.jsonl"
    comparison.make_input(str(rows), count, staged=True)
    barrier, ideal, _ = comparison.ideal_two_stage(count, concurrency, 300, 1.0)
    print(f"{count} questions, {concurrency} in flight: the streaming ideal is {ideal:.2f} s, by barrier {barrier:.2f}")
    lines = []
    for name, stages in (("reasonmed", "stream"), ("aiohttp", "stream"), ("aiohttp", "barrier")):
        runs = [at.client(name, rows, concurrency, stages, faults=shape) for _ in range(at.runs)]
        span = median([run.span for run in runs])
        lines.append((f"{name}, {stages}", span, span / ideal, span / barrier, runs[0].stats["mean_inflight"]))
    table(["client", "span s", "x streaming ideal", "x barrier ideal", "mean in flight"], lines)


def pipeline(at: Setting) -> None:
    """The whole pipeline at no latency, against the raw client's requests a second."""
    count = at.size(500)
    questions, rows = at.question_file(count), at.rows()
    rates, raw, cpu = [], [], []
    for _ in range(at.runs):
        raw.append(at.client("aiohttp", rows, 64).rate)
        at.server.reset(whole_body=1)
        run = at.pipeline(at.folder("pipeline"), questions, 64)
        rates.append(run.rate)
        cpu.append(1000 * run.cpu / run.stats["ok"])
    print(f"{count} questions, {run.stats['ok']:,} requests")
    table(
        ["", "requests/s", "x aiohttp", "CPU ms/request, start-up included"],
        [
            ("aiohttp, plain rows", median(raw), 1.0, ""),
            ("whole pipeline", median(rates), median(rates) / median(raw), median(cpu)),
        ],
    )


def memory(at: Setting) -> None:
    """Peak memory at a few sizes: the first requests of each, the whole of the smallest."""
    lines = []
    for count, stop_at in ((1000, None), (10_000, at.size(60_000)), (100_000, at.size(60_000))):
        at.server.reset(whole_body=1)
        run = at.pipeline(at.folder("memory"), at.question_file(at.size(count)), 64, kill_at=stop_at)
        lines.append((at.size(count), run.stats["ok"], run.peak_mb))
    print("peak memory of the process (ru_maxrss)")
    table(["questions", "requests", "peak MB"], lines)


def faults(at: Setting) -> None:
    """5 % 429, 2 % 500, 1 % each dropped, truncated and malformed, at 200 ms and 512 in flight."""
    rows, count = at.rows(), at.size(ROWS)
    lines = []
    for name in at.clients():
        run = at.client(name, rows, 512, faults={"latency_ms": 200, **FAULTS})
        good = _right(at.scratch / name / "out.jsonl")
        lines.append((name, count - good, run.span, run.wall, run.stats["received"], run.stats["dup_ok"]))
    print(f"{count:,} requests, {FAULTS}")
    table(["client", "lost", "span s", "wall s", "requests", "answers paid twice"], lines)


def kill(at: Setting) -> None:
    """Kill -9 when half of the answers are paid, then the same command again."""
    rows, count = at.rows(), at.size(ROWS)
    lines = []
    for name in at.clients():
        folder = at.folder(name)
        command = at.command(name, rows, folder, 512)
        at.server.reset(latency_ms=200)
        measure(at.server, command, folder, kill_at=count // 2)
        at.server.mark()
        run = measure(at.server, command, folder)
        again = run.stats["paid_asked_again"]
        lines.append((name, again, f"{100 * again / (count / 2):.1f} %", count - _right(folder / "out.jsonl")))
    print(f"{count:,} requests, 512 in flight, killed at half")
    table(["client", "paid answers asked again", "of those paid", "lost"], lines)


def _right(path: Path) -> int:
    """Distinct rows whose answer is the answer to their own prompt."""
    if not path.is_file():
        return 0
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}"))
    return len({row["id"] for row in rows if row["response"] and f"(ref {row['id']})" in row["response"]})


WORKLOADS = {
    one.__name__: one for one in (overhead, latency, tail, pipeline, memory, faults, kill)
}  # fmt: skip


def real_questions(bench: Path) -> Iterator[str]:
    """Real questions as JSON lines."""
    data = bench.parent / "data"
    if not data.is_dir():
        sys.exit(f"no questions at {data}")
    for name in ("medqa", "medmcqa"):
        with (data / f"{name}.jsonl").open(encoding="utf-8") as source:
            yield from islice(source, 700)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=[[], *WORKLOADS], default=[])
    parser.add_argument("--bench", type=Path, default=HERE.parent.parent / "shared" / "bench")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="Multiplies every size: 0.01 tries the benchmark out.")
    parser.add_argument("--python", action="append", default=[], metavar="CLIENT=PATH")
    arguments = parser.parse_args()
    pythons = dict(one.split("=", 1) for one in arguments.python)
    print(f"# {machine()}\n")
    with tempfile.TemporaryDirectory(prefix="reasonmed-bench-") as scratch:
        place = Path(scratch)
        with server_of(arguments.bench.resolve(), place) as server:
            at = Setting(
                server,
                arguments.bench.resolve(),
                place,
                arguments.runs,
                pythons,
                list(real_questions(arguments.bench.resolve())),
                arguments.scale,
            )
            for name in arguments.workloads or WORKLOADS:
                print(f"## {name}\n\n{WORKLOADS[name].__doc__}\n")
                WORKLOADS[name](at)


if __name__ == "__main__":
    main()
