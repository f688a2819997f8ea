"""Where an index is: beside what it is made from, else in the user's own folder; and who may write to it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from hashlib import sha256
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from reasonmed.errors import ReasonMedError, StorageFailed
from reasonmed.files import make_folder, open_own
from reasonmed.web.index.file import IndexFile

if TYPE_CHECKING:
    from pathlib import Path


def cache_folder() -> Path:
    """The user's own folder of indexes."""
    return user_cache_path("reasonmed") / "view"


def cached(path: Path) -> Path:
    """The index of a folder or file that nothing is written to: in the user's own folder, by a hash of its path."""
    return cache_folder() / f"{sha256(os.fsencode(path.resolve())).hexdigest()[:32]}.db"


class Place:
    """An index file that this process alone writes to.

    It is where it should be; in the user's own folder where that place cannot be written to; in a folder that goes with
    the process where another viewer holds it.

    Args:
        wanted: where it should be.

    Raises:
        ReasonMedError: nowhere is room for it.
    """

    def __init__(self, wanted: Path) -> None:
        self.note = ""
        """What a person should know of it."""
        self._apart: TemporaryDirectory[str] | None = None
        self._lock = -1
        try:
            self.file = self._held(wanted)
        except (OSError, ReasonMedError, sqlite3.Error) as refused:
            other = cached(wanted)
            try:
                self.file = self._held(other)
            except (OSError, sqlite3.Error) as failed:
                raise StorageFailed(
                    f"no index can be written: {refused}; {failed}. Make room, then try again"
                ) from failed
            self.note = f"{wanted} cannot be written ({_said(refused)}): the index is in {other.parent}"

    def _held(self, wanted: Path) -> IndexFile:
        """The index at a place, or another one where a viewer that runs holds it."""
        make_folder(wanted.parent)
        lock = open_own(wanted.with_name(f".{wanted.name}.lock"), os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file = IndexFile(wanted)
        except BlockingIOError:
            os.close(lock)
            return self._of_our_own(wanted)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        return file

    def _of_our_own(self, wanted: Path) -> IndexFile:
        make_folder(cache_folder())
        self._apart = TemporaryDirectory(prefix="view-", dir=cache_folder())
        self.note = f"another viewer keeps {wanted} up to date: this one makes an index of its own, for itself"
        return IndexFile(cache_folder() / self._apart.name / wanted.name)

    def close(self) -> None:
        """Let go of the file; one of our own goes."""
        self.file.close()
        if self._lock >= 0:
            os.close(self._lock)
        if self._apart is not None:
            self._apart.cleanup()


def _said(refused: Exception) -> str:
    return (refused.strerror or "") if isinstance(refused, OSError) else str(refused)
