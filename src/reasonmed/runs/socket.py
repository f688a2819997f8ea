"""The control socket of a run: pause, resume, drain, limit, status. A Unix socket that only its owner may open."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, cast

import msgspec

from reasonmed.documents import Refused, decoded
from reasonmed.errors import Drained, RunDirectoryError, UsageError
from reasonmed.files import open_there, write_atomically

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.progress import Watch

_LONGEST_PATH = 100
"""Unix socket paths end at about this length; a longer run path gets a socket in a private folder elsewhere."""
_SOCKET, _ELSEWHERE = "ctl.sock", "ctl.path"
"""The socket, and the file of a run that says where its socket is if it is not in the run's folder."""
_PREFIX = "reasonmed-"
_PATIENCE = 10.0
_PART, _LONGEST_ANSWER = 1 << 16, 1 << 22
"""Bytes of a part of an answer, and of the longest one that is read."""


def socket_path(folder: RunDirectory) -> Path | None:
    """Where a run listens; None where it does not.

    Raises:
        RunDirectoryError: somebody else could be listening there.
    """
    path = folder.path.resolve() / _SOCKET
    if _fits(path):
        return path
    try:
        with os.fdopen(open_there(folder.path / _ELSEWHERE)) as file:
            found = Path(file.read(_LONGEST_PATH))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as wrong:
        raise RunDirectoryError(f"{folder.path / _ELSEWHERE} cannot be read: {wrong}") from wrong
    ours = found.is_absolute() and found.name == _SOCKET and found.parent.name.startswith(_PREFIX)
    if not ours or not _is_private(found.parent):
        raise RunDirectoryError(f"{found}, where {folder.path} is said to listen, is in no private folder of a run")
    return found


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_PATH


def _is_private(folder: Path) -> bool:
    try:
        facts = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.geteuid() and not facts.st_mode & 0o077


@contextmanager
def _place(folder: RunDirectory) -> Iterator[Path]:
    """Where to listen: in the run's folder, else in a new private one that the run's folder names."""
    path = folder.path.resolve() / _SOCKET
    if _fits(path):
        yield path
        return
    with TemporaryDirectory(prefix=_PREFIX, dir=_above()) as private:
        write_atomically(folder.path / _ELSEWHERE, str(Path(private, _SOCKET)))
        try:
            yield Path(private, _SOCKET)
        finally:
            (folder.path / _ELSEWHERE).unlink(missing_ok=True)


def _above() -> Path:
    """The user's own runtime folder where there is one, else a folder for temporary files with a short enough path."""
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    found = [runtime] if runtime.is_absolute() and _is_private(runtime) else []
    found.append(Path(gettempdir()))
    return next((one for one in found if _fits(one / f"{_PREFIX}12345678" / _SOCKET)), Path("/tmp"))  # noqa: S108 - made private inside


@asynccontextmanager
async def listening(folder: RunDirectory, watch: Watch) -> AsyncIterator[None]:
    """Answer commands for as long as the run goes. Whoever holds the run's lock owns the socket."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), _PATIENCE)
            writer.write(json.dumps(_obey(line, watch)).encode() + b"\n")
            await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):  # the last for a line without an end
            pass
        finally:
            writer.close()

    _remove_stale(folder)
    with _place(folder) as path:
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(answer, sock=_bound(path))
        try:
            yield
        finally:
            server.close()
            path.unlink(missing_ok=True)


def _bound(path: Path) -> socket.socket:
    """A socket at a path, for its owner alone; nothing else of this process runs while its umask is another one."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        line.bind(os.fsencode(path))
    except BaseException:
        line.close()
        raise
    finally:
        os.umask(before)
    return line


def _remove_stale(folder: RunDirectory) -> None:
    """Remove the private folder of a session that was killed."""
    with suppress(RunDirectoryError, OSError):  # it is not ours, or is gone
        stale = socket_path(folder)
        if stale is not None and stale.parent != folder.path.resolve():
            stale.unlink(missing_ok=True)
            stale.parent.rmdir()


def _obey(line: bytes, watch: Watch) -> dict[str, object]:
    """Do what a line of JSON asks for; the answer has ``ok`` or ``error``."""
    try:
        asked = decoded(line, dict[str, object])
        told = _do(str(asked["do"]), asked, watch)
    except (Refused, ValueError, KeyError, TypeError) as wrong:
        return {"error": f"not understood: {wrong}"}
    return told


def _do(what: str, asked: dict[str, object], watch: Watch) -> dict[str, object]:
    control = watch.control
    if control is None:
        return {"error": "the run is still starting; try again in a moment"}
    if what == "status":
        return {"ok": msgspec.to_builtins(watch.snapshot())}
    if what in ("pause", "resume"):
        control.scheduler.pause(paused=what == "pause")
        return {"ok": "paused: open requests finish, no new ones go out" if what == "pause" else "resumed"}
    if what == "drain":
        control.stop.ask(Drained("drained by reasonmed ctl"))
        return {"ok": "draining: open requests finish, then the run ends"}
    if what == "limit":
        return {**control.limit(str(asked["model"]), int(cast("int", asked["limit"])))}  # what is no number is refused
    return {"error": f"there is no command {what!r}"}


class _Answer(msgspec.Struct):
    """What a run answers."""

    ok: str | dict[str, object] = ""
    error: str | None = None


def ask(folder: RunDirectory, command: dict[str, object], *, patience: float = _PATIENCE) -> str | dict[str, object]:
    """Send a command to a run and wait for its answer, up to ``patience`` seconds.

    Raises:
        RunDirectoryError: nothing runs there.
        UsageError: the run refuses the command.
    """
    folder.manifest()
    path = socket_path(folder)
    if path is None:
        raise _not_running(folder)
    if path.is_symlink():
        raise RunDirectoryError(f"{path} is a link; a run listens at none, so remove it")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(patience)
            line.connect(str(path))
            line.sendall(json.dumps(command).encode() + b"\n")
            answer = decoded(_line_of(line, patience), _Answer)
    except (FileNotFoundError, ConnectionRefusedError) as silent:
        raise _not_running(folder) from silent
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


def _line_of(line: socket.socket, patience: float) -> bytes:
    """The line that comes, if it comes whole and in time: whoever listens may be anybody."""
    found, until = bytearray(), time.monotonic() + patience
    while not found.endswith(b"\n"):
        line.settimeout(max(0.01, until - time.monotonic()))
        part = line.recv(_PART)
        if not part or len(found) > _LONGEST_ANSWER or time.monotonic() > until:
            raise TimeoutError("no whole line came")
        found += part
    return bytes(found)


def _not_running(folder: RunDirectory) -> RunDirectoryError:
    return RunDirectoryError(
        f"{folder.path} is not running; the command that started it continues; `reasonmed status` shows its progress"
    )
