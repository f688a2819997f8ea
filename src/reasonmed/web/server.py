"""The viewer as a process: a port of this machine, a key for the browser, pages until it is stopped."""

from __future__ import annotations

import errno
import secrets
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn
from platformdirs import user_state_path

from reasonmed.documents import small_text
from reasonmed.errors import StorageFailed, UsageError
from reasonmed.files import write_atomically
from reasonmed.web.app import application
from reasonmed.web.library import Library

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOST = "127.0.0.1"
_KEY_BYTES = 24
_LONGEST_KEY = 200
_LAST_SECONDS = 3
"""For answers under way when the viewer is stopped."""


class Viewer:
    """Pages over what is in some folders, at a port of 127.0.0.1.

    Args:
        paths: runs, evaluations, exports.
        port: 0 for any free one.
        findings: a report of ``reasonmed check --json`` to show with the questions.

    Raises:
        UsageError: the port is in use.
        ReasonMedError: a folder is none of these.
    """

    def __init__(self, paths: Sequence[Path], port: int, findings: Path | None = None) -> None:
        self._listener = _bound(port)
        try:
            self.library = Library(paths, findings)
        except BaseException:
            self._listener.close()
            raise
        self._port = self._listener.getsockname()[1]
        self._key = _key()
        app = application(self.library, self._key)
        settings = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_LAST_SECONDS,
        )
        self._server = uvicorn.Server(settings)

    @property
    def link(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self._port}/?key={self._key}"

    @property
    def notes(self) -> list[str]:
        """What a person should know before the pages are looked at."""
        return [one.index.note for one in self.library.shown if one.index.note]

    def run(self) -> None:
        """Serve until the process is interrupted, or until ``stop``."""
        self.library.start()
        self._server.run(sockets=[self._listener])

    def stop(self) -> None:
        """Have ``run`` return soon; for another thread."""
        self._server.should_exit = True

    def close(self) -> None:
        """Let go of the port and of all files."""
        self.library.close()
        self._listener.close()


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as taken:
        listener.close()
        if taken.errno in (errno.EADDRINUSE, errno.EACCES):
            raise UsageError(
                f"port {port} cannot be used ({taken.strerror}): another viewer may be open there; choose another with "
                "--port N, or --port 0 for any free one"
            ) from taken
        raise
    return listener


def _key() -> str:
    """This user's key, the same at each start, so that a bookmark stays good; in a file that only the user may read."""
    path = user_state_path("reasonmed") / "view.key"
    try:
        found = small_text(path).strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if not _KEY_BYTES <= len(found) <= _LONGEST_KEY or not found.isascii() or not found.isprintable():
        found = secrets.token_urlsafe(_KEY_BYTES)
        with suppress(OSError, StorageFailed):  # it is then good for this start only
            write_atomically(path, found)
    return found
