"""The control socket of a run: pause, resume, drain, limit, status. A Unix socket that only its owner may open."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import socket
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from reasonmed.documents import Refused, decoded
from reasonmed.errors import Drained, RunDirectoryError, UsageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.progress import Watch

_LONGEST_PATH = 100
"""Unix socket paths end at about this length; a longer run path gets a socket in the temporary folder."""
_PATIENCE = 10.0
_PART, _LONGEST_ANSWER = 1 << 16, 1 << 22
"""Bytes of a part of an answer, and of the longest one that is read."""


def socket_path(folder: RunDirectory) -> Path:
    """Where a run listens."""
    path = folder.path.resolve() / "ctl.sock"
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    name = hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()
    private = Path(tempfile.gettempdir(), f"reasonmed-{os.getuid()}")
    private.mkdir(mode=0o700, exist_ok=True)
    return private / f"{name}.sock"


@asynccontextmanager
async def listening(folder: RunDirectory, watch: Watch) -> AsyncIterator[None]:
    """Answer commands for as long as the run goes. Whoever holds the run's lock owns the socket."""
    path = socket_path(folder)
    path.unlink(missing_ok=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), _PATIENCE)
            writer.write(json.dumps(_obey(line, watch)).encode() + b"\n")
            await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):  # the last for a line without an end
            pass
        finally:
            writer.close()

    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(answer, path)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        server.close()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _obey(line: bytes, watch: Watch) -> dict[str, Any]:
    """Do what a line of JSON asks for; the answer has ``ok`` or ``error``."""
    try:
        asked = decoded(line, dict[str, Any])
        told = _do(str(asked["do"]), asked, watch)
    except (Refused, ValueError, KeyError, TypeError) as wrong:
        return {"error": f"not understood: {wrong}"}
    return told


def _do(what: str, asked: dict[str, Any], watch: Watch) -> dict[str, Any]:
    control = watch.control
    if control is None:
        return {"error": "the run is still starting; try again in a moment"}
    if what == "status":
        return {"ok": watch.snapshot()}
    if what in ("pause", "resume"):
        control.scheduler.pause(paused=what == "pause")
        return {"ok": "paused: open requests finish, no new ones go out" if what == "pause" else "resumed"}
    if what == "drain":
        control.stop.ask(Drained("drained by reasonmed ctl"))
        return {"ok": "draining: open requests finish, then the run ends"}
    if what == "limit":
        return control.limit(str(asked["model"]), int(asked["limit"]))
    return {"error": f"there is no command {what!r}"}


class _Answer(msgspec.Struct):
    """What a run answers."""

    ok: str | dict[str, Any] = ""
    error: str | None = None


def ask(folder: RunDirectory, command: dict[str, Any]) -> str | dict[str, Any]:
    """Send a command to a run and wait for its answer.

    Raises:
        RunDirectoryError: nothing runs there.
        UsageError: the run refuses the command.
    """
    folder.manifest()
    if socket_path(folder).is_symlink():
        raise RunDirectoryError(f"{socket_path(folder)} is a link; a run listens at none, so remove it")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(_PATIENCE)
            line.connect(str(socket_path(folder)))
            line.sendall(json.dumps(command).encode() + b"\n")
            answer = decoded(_line_of(line), _Answer)
    except (FileNotFoundError, ConnectionRefusedError) as silent:
        raise RunDirectoryError(
            f"{folder.path} is not running; the command that began it goes on, `reasonmed status` says how far it came"
        ) from silent
    except PermissionError as foreign:
        raise RunDirectoryError(f"{folder.path} is run by another user, who alone may turn it") from foreign
    except Refused as garbage:
        raise RunDirectoryError(f"{folder.path}: what answers at its socket is no run: {garbage}") from garbage
    except (OSError, ValueError) as silent:
        raise RunDirectoryError(
            f"{folder.path} does not answer; it may just have ended: see `reasonmed status`"
        ) from silent
    if answer.error is not None:
        raise UsageError(answer.error)
    return answer.ok


def _line_of(line: socket.socket) -> bytes:
    """The line that comes, if it comes whole and in time: whoever listens may be anybody."""
    found, until = bytearray(), time.monotonic() + _PATIENCE
    while not found.endswith(b"\n"):
        line.settimeout(max(0.01, until - time.monotonic()))
        part = line.recv(_PART)
        if not part or len(found) > _LONGEST_ANSWER or time.monotonic() > until:
            raise TimeoutError("no whole line came")
        found += part
    return bytes(found)
