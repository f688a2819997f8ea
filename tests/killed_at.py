"""Command lines in processes of their own: bounded in time and memory, or killed before their K-th change of a folder.

As a script: a server on standard input and output that imports the command line once and forks for every command, so
that hundreds of them take seconds. In tests: ``Commands``, its client.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}

MEMORY = 6 << 30
"""Address space of a command, so that one that grows without bound takes nothing else down."""

PRELOADED = (
    *("reasonmed.cli", "reasonmed.export", "reasonmed.checks.write", "reasonmed.runs.job"),
    *("matplotlib.figure", "matplotlib.backends.backend_svg"),
)
"""What a fork need not import again: most of a command's time."""


class Ended(NamedTuple):
    """How a command ended: its exit code (-9 where it was killed, -14 where its time was up) and what it printed."""

    code: int
    shown: str
    changes: int
    """Of the file system, below the root."""
    seconds: float
    peak_mb: float
    cpu_seconds: float = 0
    """What it computed, whatever else the machine had to do."""


class Commands:
    """Runs command lines of reasonmed in forks of one process."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._server.communicate()

    def run(
        self, folder: Path, words: list[str], *, root: Path | None = None, kill_at: int = 0, seconds: int = 120
    ) -> Ended:
        """Run one command line in a folder; kill it before its K-th change below ``root`` (the folder itself)."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        log = folder.parent / f"{folder.name}.log"
        job = {"folder": str(folder), "root": str(root or folder), "words": words, "at": kill_at, "log": str(log)}
        job["seconds"] = seconds
        self._server.stdin.write(json.dumps(job) + "\n")
        self._server.stdin.flush()
        code, changes, *measured = json.loads(self._server.stdout.readline())
        return Ended(code, log.read_text(encoding="utf-8", errors="replace"), changes, *measured)


def _changes(event: str, values: tuple[Any, ...], root: str) -> bool:
    if event == "open":
        path, mode, _ = values
        written = isinstance(mode, str) and bool(set(mode) & set("wax+"))
        return written and os.path.abspath(str(path)).startswith(root)  # noqa: PTH100 - pathlib has events of its own
    return event in CHANGES and os.path.abspath(str(values[0])).startswith(root)  # noqa: PTH100 - the same


def _child(job: dict[str, Any], report: int) -> None:
    """Be the command line, with standard output and error in a file; never returns."""
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.chdir(job["folder"])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(job["seconds"])
    seen = 0

    def hook(event: str, values: tuple[Any, ...]) -> None:
        nonlocal seen
        if _changes(event, values, job["root"]):
            seen += 1
            if seen == job["at"]:
                os.kill(os.getpid(), signal.SIGKILL)

    from reasonmed.cli import main  # noqa: PLC0415 - imported by the parent before

    sys.addaudithook(hook)
    sys.argv = ["reasonmed", *job["words"]]
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    sys.stdout.flush()
    sys.stderr.flush()
    os.write(report, str(seen).encode())
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _serve() -> None:
    for name in PRELOADED:
        with suppress(ImportError):  # an extra
            import_module(name)
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
        changes = int(os.read(reading, 20) or 0)
        os.close(reading)
        computed = round(used.ru_utime + used.ru_stime, 3)
        told = [os.waitstatus_to_exitcode(status), changes, took, used.ru_maxrss / 1024, computed]
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
