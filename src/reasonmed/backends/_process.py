"""A server's process: its keeper, its output without keys in a log of bounded size, and how it ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reasonmed.backends._said import line_of_log
from reasonmed.errors import ReasonMedError
from reasonmed.files import open_own
from reasonmed.screening.secrets import conceal_shapes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

_KEEPER = Path(__file__).with_name("_keeper.py")
_GRACE = 10.0
"""Seconds in which a server may end by itself."""
_MOST = 2_000_000
"""Bytes of a log; then it is put beside as ``.1``, in the place of the one before, and a new one is begun."""
_LINES = 12
"""Lines that are kept for a message."""
_CHUNK = 65_536
_DRAINED = 2.0
"""Seconds for what is left of the output of a server that has ended."""


class Ended(NamedTuple):
    """How a server ended: its exit status, the signal that ended it, or what else happened."""

    status: int | None = None
    signal: int | None = None
    otherwise: str = "was lost: its keeper was ended by somebody else"

    def __str__(self) -> str:
        if self.status is not None:
            return f"ended with exit status {self.status}"
        if self.signal is None:
            return self.otherwise
        name = signal.Signals(self.signal).name if self.signal in {*signal.Signals} else f"signal {self.signal}"
        return f"was ended by {name}" + (" (out of memory?)" if self.signal == signal.SIGKILL else "")


class _Report(msgspec.Struct):
    pid: int | None = None
    status: int | None = None
    signal: int | None = None
    problem: str | None = None


class Log:
    """What a server writes, line by line, without keys and escapes of terminals; its end is kept for messages.

    Args:
        path: where it is written; None to keep its end only.

    Raises:
        ReasonMedError: something else is there, or the file cannot be made.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.last: deque[str] = deque(maxlen=_LINES)
        self._file: BinaryIO | None = None
        self._size = 0
        self._rest = b""
        if path is not None:
            try:
                self._open(path)
            except OSError as refused:
                raise ReasonMedError(f"{path} cannot be written: {refused.strerror}") from refused

    def feed(self, chunk: bytes) -> None:
        """Take in what came; of a line that overwrites itself, such as a progress bar, what it comes to."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _CHUNK:
            self._rest = self._rest.rpartition(b"\r")[2][-_CHUNK:]
        for line in lines:
            self._write(line)

    def close(self) -> None:
        """Take in what is left, and close the file."""
        if self._rest:
            self._write(self._rest)
        self._rest = b""
        self._put_away()

    def _write(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r").rpartition("\r")[2]
        shown = conceal_shapes(line_of_log(text))
        if not shown:
            return
        self.last.append(shown)
        if self._file is None or self.path is None:
            return
        try:
            self._append(self.path, shown.encode() + b"\n")
        except OSError as full:  # whoever stops reading here stops the server
            self._file = None
            self.last.append(f"({self.path} ends before this line: {full.strerror})")

    def _append(self, path: Path, line: bytes) -> None:
        if self._size + len(line) > _MOST:
            self._put_away()
            path.replace(path.with_name(f"{path.name}.1"))
            self._open(path)
        if self._file is not None:
            self._file.write(line)
        self._size += len(line)

    def _put_away(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None

    def _open(self, path: Path) -> None:
        self._file = os.fdopen(open_own(path, os.O_WRONLY | os.O_APPEND), "ab", buffering=0)
        self._size = os.fstat(self._file.fileno()).st_size


class Process:
    """A command under a keeper, which ends it when this process is gone, by whatever way."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        """How the command ended, once it has."""
        self._keeper: asyncio.subprocess.Process | None = None
        self._readers: asyncio.Task[None] | None = None

    async def start(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the command; it has no terminal, and gets no signal that is meant for this process."""
        keeper = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_KEEPER), str(_GRACE), *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        self._keeper = keeper
        self._readers = asyncio.create_task(self._read(keeper))

    async def stop(self) -> None:
        """End the command and all that came of it; returns when they are gone."""
        if self._keeper is None or self._readers is None:
            self.log.close()
            return
        if not self.ended.done() and self._keeper.stdin is not None:
            with suppress(ConnectionError):
                self._keeper.stdin.write(b".")
                await self._keeper.stdin.drain()
        try:
            await asyncio.shield(self._readers)
        finally:
            if self._keeper.stdin is not None:
                self._keeper.stdin.close()

    async def _read(self, keeper: asyncio.subprocess.Process) -> None:
        """Read output and reports to their end."""
        if keeper.stdout is None or keeper.stderr is None:
            return
        output = asyncio.create_task(self._output(keeper.stdout))
        last = _Report()
        async for line in keeper.stderr:
            with suppress(msgspec.DecodeError):
                last = msgspec.json.decode(line, type=_Report)
        await keeper.wait()
        if last.pid is not None:
            _end_group(last.pid)
        await asyncio.wait({output}, timeout=_DRAINED)
        output.cancel()
        self.log.close()
        reasons = [] if last.problem is None else [last.problem]
        self.ended.set_result(Ended(last.status, last.signal, *reasons))

    async def _output(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(_CHUNK):
            self.log.feed(chunk)


def _end_group(leader: int) -> None:
    """End a command's group whose keeper is gone."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
