"""A server that this process starts: its command, when it is ready, how often it may be started again.

One that ends while it starts for the first time is reported at once: it would do so again.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from contextlib import closing
from typing import TYPE_CHECKING

from reasonmed.backends._process import Ended, Log, Process
from reasonmed.backends._serve import HOST
from reasonmed.errors import Drained, ModelNotServed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reasonmed.backends._serve import Serve

_POLL = (0.05, 1.0)
"""Seconds between two looks at a server that starts: the first ones, and the last ones."""
_SAY_EVERY = 60.0
_ANSWER = 5.0
"""Seconds in which a server must say how it is."""
_FREED = 5.0
"""Seconds in which a port may be freed by a server of a run that has just been killed."""
_STATUS = re.compile(rb"HTTP/\d\.\d (\d{3})\b")
_HEALTHY, _MISSING = 200, (404, 405, 501)
_SHOWN, _LINE = 12, "\n  | "
"""Lines of a server that a message shows, and what is before each."""


class _Died(Exception):
    """A server ended while it started."""

    def __init__(self, how: Ended) -> None:
        super().__init__(str(how))
        self.how = how


class Server:
    """One command that serves, running or not."""

    def __init__(self, serve: Serve, model: str, log: Path | None, say: Callable[[str], None]) -> None:
        self._serve, self._model, self._log, self._say = serve, model, log, say
        self.shown = serve.shown(model)
        self.port = 0
        self.starts = 0
        """How often it became ready: whoever knows an older number knows another process."""
        self.seconds = 0.0
        """How long the last start took."""
        self.users: set[object] = set()
        """Who has it open: the last one that closes it ends it."""
        self._process: Process | None = None
        self._starting: asyncio.Task[None] | None = None
        self._restarts = 0
        self._over = False

    @property
    def running(self) -> bool:
        """Whether it is ready and has not ended."""
        return self._process is not None and self._starting is None and not self._process.ended.done()

    async def up(self) -> None:
        """Start it where it is not running, once for all who ask, and wait until it is ready.

        Raises:
            Unavailable: it ended, as often as it may, or did not become ready.
            ModelNotServed: its port is another program's.
            Drained: the run is to end.
        """
        if self.running:
            return
        if self._over:
            raise Drained("the run takes no new requests")
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(self._started)
        starting = self._starting
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            if starting.cancelled():
                raise Drained("the run takes no new requests") from None
            raise

    async def down(self) -> None:
        """End it; it may be started again."""
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        process, self._process = self._process, None
        if process is not None:
            await process.stop()

    def hurry(self) -> None:
        """The run is to end: whoever waits for a start is let go, and nothing is started any more."""
        self._over = True
        if self._starting is not None:
            self._starting.cancel()

    def _started(self, task: asyncio.Task[None]) -> None:
        """A start has ended; one that failed stays, so that later callers get the same error."""
        if task.cancelled() or task.exception() is None:
            self._starting = None

    async def _start(self) -> None:
        """Start it; where it was ready before, as often as it may be started again."""
        while True:
            if self._process is not None:
                self._check_restarts(self._process)
            try:
                return await self._try()
            except _Died as died:
                if not self.starts:
                    raise Unavailable(self._problem(f"{died.how} while it started")) from None

    def _check_restarts(self, process: Process) -> None:
        """Count a restart after a process that ended by itself.

        Raises:
            Unavailable: there were as many as there may be.
        """
        how = process.ended.result()
        if self._restarts >= self._serve.restarts:
            times = "1 restart" if self._restarts == 1 else f"{self._restarts} restarts"
            raise Unavailable(self._problem(f"{how} after {times}, as many as `restarts` allows"))
        self._restarts += 1
        self._say(
            f"the server of {self._model} {how}: restart {self._restarts} of {self._serve.restarts}"
            f"{self._last(1, ' · ')}"
        )

    async def _try(self) -> None:
        """One start."""
        began = time.monotonic()
        self.port = self._serve.port or (self.port if self.port and not _taken(self.port) else _free())
        await self._wait_for_port()
        process = Process(Log(self._log))
        self._process = process
        self._say(f"starting the server of {self._model}: {self.shown}" + (f"; log: {self._log}" if self._log else ""))
        try:
            await process.start(self._serve.words(self._model, self.port), self._serve.environment(os.environ))
            await self._wait(process, began)
        except BaseException:
            ended = process.ended.done()
            await process.stop()
            self._process = process if ended else None
            raise
        self.seconds, self.starts = time.monotonic() - began, self.starts + 1
        self._say(f"the server of {self._model} is ready after {self.seconds:.0f} s")

    async def _wait_for_port(self) -> None:
        deadline = time.monotonic() + _FREED
        while _taken(self.port):
            if time.monotonic() > deadline:
                raise ModelNotServed(
                    f"port {self.port}, which `serve.port` of {self._model} names, is another program's: end that, "
                    "name another port, or leave `port` out for a free one"
                )
            await asyncio.sleep(_POLL[0])

    async def _wait(self, process: Process, began: float) -> None:
        """Wait until it is ready.

        Raises:
            _Died: it has ended.
            Unavailable: that takes too long.
        """
        pause, said, state = _POLL[0], began, "nothing"
        while True:
            await asyncio.wait({process.ended}, timeout=pause)
            if process.ended.done():
                raise _Died(process.ended.result())
            state = await self._health()
            if not state and not process.ended.done():
                return
            pause, now = min(_POLL[1], pause * 1.5), time.monotonic()
            if now - began > self._serve.start_timeout:
                waited = f"did not become ready within {self._serve.start_timeout:g} s (`start_timeout`)"
                raise Unavailable(self._problem(f"{waited}; its health check at port {self.port} says {state}"))
            if now - said > _SAY_EVERY:
                said = now
                self._say(f"the server of {self._model} is starting for {now - began:.0f} s{self._last(1, ' · ')}")

    async def _health(self) -> str:
        """What the health check says that is not well; empty once it is ready."""
        path = self._serve.health or "/health"
        status = await _status(self.port, path)
        if status in _MISSING and self._serve.health is None:
            path = "/v1/models"
            status = await _status(self.port, path)
        return "" if status == _HEALTHY else f"{path} {status or 'does not answer'}"

    def _problem(self, what: str) -> str:
        """What happened to it, what it said last, and what to look at."""
        log = f" The whole is in {self._log}." if self._log else ""
        return (
            f"the server of {self._model} {what}: {self.shown}{self._last(_SHOWN, _LINE)}\n{log} Run that command by "
            "itself, see to it that it serves, and put what it lacks into `serve`"
        )

    def _last(self, lines: int, before: str) -> str:
        """The last lines that it wrote."""
        found = self._process.log.last if self._process is not None else ()
        return "".join(f"{before}{line}" for line in [*found][-lines:])


async def _status(port: int, path: str) -> int | None:
    """The status with which a path of this machine answers; None where nothing does in time."""
    try:
        async with asyncio.timeout(_ANSWER):
            reader, writer = await asyncio.open_connection(HOST, port)
            with closing(writer):
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
                found = _STATUS.match(await reader.readline())
                return int(found[1]) if found else None
    except (OSError, TimeoutError, ValueError):
        return None


def _taken(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    with socket.socket() as tried:
        tried.settimeout(_ANSWER)
        return tried.connect_ex((HOST, port)) == 0


def _free() -> int:
    with socket.socket() as found:
        found.bind((HOST, 0))
        port: int = found.getsockname()[1]
        return port
