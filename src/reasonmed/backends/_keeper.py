"""Keeps a server: starts a command, and ends all that came of it when the process that asked for it is gone.

A script of its own, run by its path (standard library only, so that it is up at once): its arguments are the seconds of
grace and the command. Standard input is a pipe that only that process holds: a byte asks for the end, and its closing
says that the process is gone, by ``kill -9`` too. Standard output is the command's. Standard error carries reports, a
JSON object on each line: ``{"pid": ..}``, then ``{"status": ..}`` or ``{"signal": ..}``; ``{"problem": ..}`` where
there is neither.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

_LINUX = sys.platform == "linux"
_DIE_WITH_PARENT, _ADOPT_ORPHANS = 1, 36
"""Linux's PR_SET_PDEATHSIG and PR_SET_CHILD_SUBREAPER."""
_LOOK = 1.0
"""Seconds after which it looks whether its parent is still there: a fork of the parent may hold the pipe open."""
_ABANDONED = 2.0
"""Seconds of grace where nobody waits for the end."""
_SWEEP = 5.0


def _report(**said: object) -> None:
    with suppress(OSError):
        os.write(2, json.dumps(said).encode() + b"\n")


def _control(option: int, value: int) -> None:
    if _LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own, which dies with this process."""
    return subprocess.Popen(  # noqa: S603 - whoever started this agreed to the command
        command,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        process_group=0,
        preexec_fn=lambda: _control(_DIE_WITH_PARENT, signal.SIGKILL),  # noqa: PLW1509 - there are no threads
    )


class _Family:
    """The command's process and all that descend from it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.status: int | None = None
        """How the command itself ended, as the system says it; None while it runs."""

    def reap(self) -> bool:
        """Take note of what has ended; False once nothing is left."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == self._process.pid:
                    self.status = status
                    self._process.returncode = os.waitstatus_to_exitcode(status)
                if pid == 0:
                    return True
        return False

    def signal(self, number: int) -> None:
        """Signal the command's group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def end(self, grace: float) -> None:
        """Ask the command to end; kill what is left after that."""
        self.signal(signal.SIGTERM)
        deadline = time.monotonic() + grace
        while self.status is None and self.reap() and time.monotonic() < deadline:
            time.sleep(0.02)
        self.sweep()

    def sweep(self) -> None:
        """Kill what is left, in the group and out of it: on Linux, whoever lost its parent is a child of this one."""
        deadline = time.monotonic() + _SWEEP
        self.signal(signal.SIGKILL)
        while self.reap() and time.monotonic() < deadline:
            for pid in _children():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def _children() -> list[int]:
    """The children of this process, by Linux's table of processes; none where there is no such table."""
    found, own = [], str(os.getpid())
    for name in os.listdir("/proc") if _LINUX else ():  # noqa: PTH208 - many entries, and nothing but their names
        with suppress(OSError, IndexError):
            if name.isdecimal():
                with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - as above
                    parent = file.read().rpartition(")")[2].split()[1]
                found += [int(name)] if parent == own else []
    return found


def _watch(family: _Family, wakes: int, parent: int, grace: float) -> None:
    """Wait until the command has ended, or is to end."""
    while family.reap() and family.status is None:
        ready, _, _ = select.select([0, wakes], [], [], _LOOK)
        if wakes in ready:
            numbers = os.read(wakes, 64)
            if numbers.strip(bytes([signal.SIGCHLD])):
                return family.end(grace)
        if 0 in ready:
            return family.end(grace if os.read(0, 1) else _ABANDONED)
        if os.getppid() != parent:
            return family.end(_ABANDONED)
    return family.sweep()


def main(grace: float, command: list[str]) -> None:
    """Keep a command until it has ended, or is to end."""
    parent = os.getppid()
    _control(_ADOPT_ORPHANS, 1)
    wakes, waker = os.pipe()
    for end in (wakes, waker):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    try:
        process = _start(command)
    except OSError as refused:
        return _report(problem=f"could not be started: {refused.strerror}")
    _report(pid=process.pid)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever reads the output sees its end with the last writer's
    family = _Family(process)
    _watch(family, wakes, parent, grace)
    if family.status is None:
        return _report(problem=f"cannot be ended: process {process.pid} remains")
    signaled = os.WIFSIGNALED(family.status)
    if signaled:
        return _report(signal=os.WTERMSIG(family.status))
    return _report(status=os.WEXITSTATUS(family.status))


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
