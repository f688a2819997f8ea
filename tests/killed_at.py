"""Command lines in processes of their own: bounded in time and memory, or killed before their K-th change of a folder.

As a script: a server on standard input and output that imports the command line once and forks for every command, so
that hundreds of them take seconds. In tests: ``Commands``, its client.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, NamedTuple, Self

import typer.main

from reasonmed.errors import UsageError
from reasonmed.report import plot

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}

UNFOLLOWED = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink"}
"""What acts on a link itself."""
TOUCHES = {*CHANGES, *UNFOLLOWED, "open", "os.listdir", "os.scandir", "os.chmod", "shutil.rmtree"}

MEMORY = 6 << 30
"""Address space of a command, so that one that grows without bound takes nothing else down."""

PRELOADED = (
    *("reasonmed.cli", "reasonmed.export", "reasonmed.checks.write", "reasonmed.runs.job", "reasonmed.evaluation"),
    *("reasonmed.runs.commands.stage", "reasonmed.runs.commands.judge_card", "reasonmed.backends.scripted"),
    *("reasonmed.questions.readers.native", "reasonmed.questions._lint", "reasonmed.evaluation.report"),
    *(f"reasonmed.pipeline.stages.{name}" for name in ("rank", "refine", "optimize", "summarize", "score", "route")),
    *("reasonmed.export.card", "reasonmed.export.formats.parquet", "reasonmed.training.emit", "rapidfuzz.process"),
)
"""What a fork need not import again: most of a command's time."""


PLAIN = {"COLUMNS": "120", "NO_COLOR": "1"}
"""How a command shows its tables in tests."""


class Done(NamedTuple):
    """How a command ended, and what it printed where."""

    code: int
    out: str
    err: str


class Ended(NamedTuple):
    """How a command ended: its exit code (-9 where it was killed, -14 where its time was up) and what it printed."""

    code: int
    shown: str
    changes: int
    """Of the file system, below the root."""
    seconds: float
    peak_mb: float
    strayed: list[str]
    """What it opened, listed or changed below the fence, and the code of the fence that it imported."""
    cpu_seconds: float
    """What it computed, whatever else the machine had to do."""


class Commands:
    """Runs command lines of reasonmed in forks of one process."""

    def __init__(self) -> None:
        command, plain = [sys.executable, __file__], {**os.environ, **PLAIN}
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=plain)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._server.communicate()

    def run(
        self,
        folder: Path,
        words: list[str],
        *,
        root: Path | None = None,
        kill_at: int = 0,
        seconds: int = 120,
        fence: tuple[Path, str] | None = None,
    ) -> Ended:
        """Run one command line in a folder; kill it before its K-th change below ``root`` (the folder itself).

        ``fence`` is a folder that it has no business with, and a module that it has no reason to import.
        """
        log = folder.parent / f"{folder.name}.log"
        job = {
            "folder": str(folder),
            "root": str(root or folder),
            "words": words,
            "at": kill_at,
            "logs": [str(log)] * 2,
        }
        job["seconds"] = seconds
        job["fence"] = fence and [str(fence[0].resolve()), fence[1]]
        code, [changes, strayed], took, peak_mb, computed = self._ask(job)
        shown = log.read_text(encoding="utf-8", errors="replace")
        return Ended(code, shown, changes, took, peak_mb, strayed, computed)

    def done(self, folder: Path, words: list[str], variables: dict[str, str], seconds: int = 120) -> Done:
        """Run one command line in a folder, with the environment that this process has now and further variables."""
        environment = {**os.environ, **PLAIN, **variables}
        with TemporaryDirectory() as logs:
            out, err = Path(logs, "out"), Path(logs, "err")
            job = {"folder": str(folder), "root": str(folder), "words": words, "at": 0, "logs": [str(out), str(err)]}
            code, *_ = self._ask({**job, "seconds": seconds, "fence": None, "environment": environment})
            return Done(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def _ask(self, job: dict[str, Any]) -> Any:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


def _changes(event: str, values: tuple[Any, ...], root: str) -> bool:
    if event == "open":
        path, _, flags = values
        return bool(flags & _WRITES) and not isinstance(path, int) and _below(path, root)
    return event in CHANGES and _below(values[0], root)


def _below(path: str | bytes, root: str) -> bool:
    return os.path.abspath(os.fsdecode(path)).startswith(root)  # noqa: PTH100 - pathlib has events of its own


def _strays(event: str, values: tuple[Any, ...], fence: list[str]) -> bool:
    """Whether an event is of a path below the fence, links followed, or imports its module."""
    if event == "import":
        return bool(values[0] == fence[1])
    if event == "sqlite3.connect":
        return fence[0] in os.path.realpath(str(values[0]).removeprefix("file://").partition("?")[0])
    if event not in TOUCHES:
        return False
    paths = [Path(os.fsdecode(one)) for one in values[:2] if isinstance(one, str | bytes | os.PathLike)]
    if event in UNFOLLOWED or (event == "open" and values[2] & os.O_NOFOLLOW):
        paths = [path.parent for path in paths]
    return any(os.path.realpath(path).startswith(fence[0]) for path in paths)


def _settle(job: dict[str, Any]) -> None:
    """Take the streams and the environment of a command of one's own."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream, log in enumerate(job["logs"], 1):
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND), stream)
    if "environment" in job:
        os.environ.clear()
        os.environ.update(job["environment"])
        sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))


def _child(job: dict[str, Any], report: int) -> None:
    """Be the command line, with standard output and error in a file; never returns."""
    _settle(job)
    os.chdir(job["folder"])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(job["seconds"])
    seen, strayed = 0, []

    def step() -> None:
        nonlocal seen
        seen += 1
        if seen == job["at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, values: tuple[Any, ...]) -> None:
        if job["fence"] and _strays(event, values, job["fence"]):
            strayed.append(f"{event} {values[0]!s}"[:200])
        if _changes(event, values, job["root"]):
            step()

    class Stepping(sqlite3.Connection):
        """A commit is a change too, of which Python reports no event."""

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                step()
            return super().execute(sql, *values)

    from reasonmed.cli import main

    vars(sqlite3)["connect"] = partial(sqlite3.connect, factory=Stepping)
    sys.addaudithook(hook)
    sys.argv = ["reasonmed", *job["words"]]
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(report, json.dumps([seen, strayed[:8]]).encode())
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _serve() -> None:
    for name in PRELOADED:
        with suppress(ImportError):  # an extra
            import_module(name)
    with suppress(UsageError):  # the same
        plot.lines("warm", {"one": [(0, 0), (1, 1)]}, "x", "y")
    typer.main.get_command = cache(typer.main.get_command)  # most of what is left of a short command's time
    typer.main.get_command(import_module("reasonmed.cli").app)
    gc.freeze()
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _child(json.loads(line), writing)
        os.close(writing)
        began = time.monotonic()
        _, status, used = os.wait4(child, 0)
        took = round(time.monotonic() - began, 3)
        changes = json.loads(os.read(reading, 1 << 16) or "[0, []]")
        os.close(reading)
        computed = round(used.ru_utime + used.ru_stime, 3)
        told = [os.waitstatus_to_exitcode(status), changes, took, used.ru_maxrss / 1024, computed]
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
