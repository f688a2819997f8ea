"""What the benchmarks share: the mock server, a client process pinned to its CPU and measured, tables."""

from __future__ import annotations

import json
import os
import platform
import random
import shlex
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping, Sequence

_CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
SERVER_CPU, CLIENT_CPU = str(_CPUS[-1]), str(_CPUS[0])
_LAST_LINES = 15
_TICK = 0.001
"""Least span in seconds: what the server answers in one go has none."""
_ZERO = {
    **dict.fromkeys(("latency_ms", "sigma", "p429", "p500", "pdrop", "pslow", "pmalformed", "ptrunc", "pbadjson"), 0),
    "plength": 0,
    "cap_inflight": 0,
    "retry_after": 1,
    "seed": 1,
    "whole_body": 0,
    "out_chars": 1500,
}
_PROMPT = (
    "[[r{n:06d}]] You are a physician. Think step by step, evaluate every option and answer.\n\n[Question]\n"
    "A 67-year-old man comes to the clinic with three weeks of progressive shortness of breath on exertion, two-pillow "
    "orthopnea and swelling of both ankles. He has a history of hypertension and of an anterior myocardial infarction. "
    "Blood pressure is {a}/{b} mm Hg, pulse {c}/min, and there is a third heart sound with bibasal crackles. Which of "
    "the following is the most appropriate next step?\nA) Oral amoxicillin\nB) Intravenous furosemide\nC) Inhaled "
    "salbutamol\nD) Emergency hemodialysis\nE) Reassurance (case {n})\n"
)


class Measured(NamedTuple):
    """One client process: seconds on the clock and of CPU, peak memory in MB, the server's counts, the exit status."""

    wall: float
    cpu: float
    peak_mb: float
    stats: Mapping[str, Any]
    code: int

    @property
    def span(self) -> float:
        """First request to last answer, as the server saw it, in seconds."""
        return float(self.stats["span_s"])

    @property
    def rate(self) -> float:
        """Good answers a second of span."""
        return float(self.stats["ok"]) / max(self.span, _TICK)


class Counts(Protocol):
    """Whoever counts what the clients ask."""

    def stats(self) -> dict[str, Any]:
        """The counters."""
        ...


class Server:
    """The mock server, or another one that prints its address, on a CPU of its own."""

    def __init__(self, *program: Path | str) -> None:
        command = ["taskset", "-c", SERVER_CPU, *map(str, program)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None  # noqa: S101 - asked for above
        self.url = self._process.stdout.readline().split()[-1]

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object at a path of the server itself."""
        with urllib.request.urlopen(f"{self.url.removesuffix('/v1')}/{path}", timeout=10) as reply:  # noqa: S310 - ours
            found: dict[str, Any] = json.load(reply)
        return found

    def reset(self, **settings: float) -> None:
        """New settings, and every counter at zero."""
        self.get("reset?" + "&".join(f"{name}={value:g}" for name, value in {**_ZERO, **settings}.items()))

    def stats(self) -> dict[str, Any]:
        """The counters."""
        return self.get("stats")

    def mark(self) -> None:
        """From here on, count prompts that were answered before."""
        self.get("mark")

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@contextmanager
def server_of(bench: Path, scratch: Path) -> Iterator[Server]:
    """Build the mock server from its source and run it."""
    source = bench / "server" / "mockllm.c"
    compiler = shutil.which("cc")
    if compiler is None or not source.is_file():
        sys.exit(f"these benchmarks need a C compiler and the mock server's source at {source}: say --bench DIR")
    program = scratch / "mockllm"
    subprocess.run([compiler, "-O2", "-o", str(program), str(source), "-lm"], check=True)
    server = Server(program, "--port", "0")
    try:
        yield server
    finally:
        server.close()


def measure(  # noqa: PLR0913 - how a client begins and how it may end
    server: Counts,
    command: Sequence[str],
    folder: Path,
    *,
    kill_at: int | None = None,
    limit: float = 900,
    seen: Callable[[], bool] | None = None,
    ends: Container[int] = (0,),
) -> Measured:
    """Run one client to its end, or kill -9 it: after so many answers or seconds, or once enough is ``seen``.

    A client that ends by itself with another exit code than ``ends`` ends the benchmark, with the last lines of its
    output.
    """
    killed = False
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "NO_COLOR": "1", "OPENAI_API_KEY": "sk-mock", "PYTHONUNBUFFERED": "1"}
    with (folder / "log.txt").open("ab") as log:
        begun = time.perf_counter()
        process = subprocess.Popen(
            ["taskset", "-c", CLIENT_CPU, *command], cwd=folder, stdout=log, stderr=log, env=environment
        )
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            late = time.perf_counter() - begun > limit
            enough = (kill_at is not None and server.stats()["ok"] >= kill_at) or (seen is not None and seen())
            if (late or enough) and not killed:
                os.kill(process.pid, signal.SIGKILL)
                killed = True
            time.sleep(0.02)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in ends and not killed:
        _give_up(command, f"died with exit code {process.returncode}", folder)
    cpu = usage.ru_utime + usage.ru_stime
    return Measured(wall, cpu, usage.ru_maxrss / 1000, server.stats(), process.returncode)


class FirstRequest:
    """Seconds until the server sees a request; true from then on, unless the client is to go on."""

    def __init__(self, counts: Counts, *, go_on: bool = False) -> None:
        self._counts, self._go_on, self._begun = counts, go_on, time.perf_counter()
        self._seconds: float | None = None

    def __call__(self) -> bool:
        """Look."""
        if self._seconds is None and self._counts.stats()["received"]:
            self._seconds = time.perf_counter() - self._begun
        return self._seconds is not None and not self._go_on

    def __str__(self) -> str:
        return "none" if self._seconds is None else f"{self._seconds:.3g}"


def _give_up(command: Sequence[str], what: str, folder: Path) -> NoReturn:
    """End the benchmark, with what the client said last."""
    lines = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
    said = "\n".join(lines) or "(it printed nothing)"
    sys.exit(f"the client {what}: {shlex.join(command)}\nits last lines:\n{said}")


def answered(run: Measured, command: Sequence[str], folder: Path) -> Measured:
    """The run, where it has answers to be measured; else the benchmark ends."""
    if not run.stats["ok"]:
        _give_up(command, f"got no answer and ended with exit code {run.code}", folder)
    return run


def rows_file(path: Path, count: int) -> Path:
    """Plain prompts with a tag each, in the form of the comparison's clients."""
    dice = random.Random(count)  # noqa: S311 - made-up vital signs
    with path.open("w", encoding="utf-8") as sink:
        for n in range(count):
            text = _PROMPT.format(n=n, a=dice.randint(110, 180), b=dice.randint(60, 100), c=dice.randint(60, 120))
            sink.write(json.dumps({"id": f"r{n:06d}", "prompt": text}) + "\n")
    return path


def median(values: Sequence[float]) -> float:
    """The median of a few runs."""
    return statistics.median(values)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""

    def shown(value: object) -> str:
        if not isinstance(value, float):
            return str(value)
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - digits that mean something

    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(shown(value) for value in row) + " |")
    print(flush=True)


def machine() -> str:
    """The machine and the date, for the head of a table."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    load = os.getloadavg()[0]
    python, today = platform.python_version(), time.strftime("%Y-%m-%d")
    return f"{model}, {os.cpu_count()} cores, load {load:.1f}, Python {python}, {today}"
