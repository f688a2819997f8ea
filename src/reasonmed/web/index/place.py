"""Where an index is: beside what it is made from, else in the user's own folder; and who may write to it."""

from __future__ import annotations

import fcntl
import os
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path

from reasonmed.errors import ReasonMedError, StorageFailed
from reasonmed.files import check_own, make_folder, open_own

SIDES = ("", "-wal", "-shm")
"""What SQLite puts beside a file."""


def cache_folder() -> Path:
    """The user's own folder of indexes."""
    return user_cache_path("reasonmed") / "view"


def cached(path: Path) -> Path:
    """The index of a folder or file that nothing is written to: in the user's own folder, by a hash of its path."""
    return cache_folder() / f"{sha256(os.fsencode(path.resolve())).hexdigest()[:32]}.db"


class Place:
    """A file that this process alone writes, for as long as the place is held.

    It is where it should be; in the user's own folder where that place cannot be written to; in a folder that goes with
    the process where another viewer holds it.

    Args:
        wanted: where it should be.

    Raises:
        StorageFailed: nowhere is room for it.
    """

    def __init__(self, wanted: Path) -> None:
        self.note = ""
        """What a person should know of it."""
        self._apart: TemporaryDirectory[str] | None = None
        self._lock = -1
        try:
            self.path = self._held(wanted)
        except (OSError, ReasonMedError) as refused:
            other = cached(wanted)
            try:
                self.path = self._held(other)
            except (OSError, ReasonMedError) as failed:
                raise StorageFailed(
                    f"no index can be written: {refused}; {failed}. Make room, then try again"
                ) from failed
            self.note = f"{wanted} cannot be written ({_said(refused)}): the index is in {other.parent}"

    def _held(self, wanted: Path) -> Path:
        """The place with its lock, all that is there under the file's names ours or gone; or one of our own."""
        make_folder(wanted.parent)
        lock = open_own(wanted.with_name(f".{wanted.name}.lock"), os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for side in SIDES:
                there = wanted.with_name(wanted.name + side)
                if there.is_symlink():
                    there.unlink()
                check_own(there)
            os.close(open_own(wanted, os.O_RDWR))
        except BlockingIOError:
            os.close(lock)
            return self._of_our_own(wanted)
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        return wanted

    def _of_our_own(self, wanted: Path) -> Path:
        make_folder(cache_folder())
        self._apart = TemporaryDirectory(prefix="view-", dir=cache_folder())
        self.note = f"another viewer keeps {wanted} up to date: this one makes an index of its own, for itself"
        return Path(self._apart.name, wanted.name)

    def close(self) -> None:
        """Let go of the file; one of our own goes."""
        if self._lock >= 0:
            os.close(self._lock)
        if self._apart is not None:
            self._apart.cleanup()


def _said(refused: Exception) -> str:
    return (refused.strerror or "") if isinstance(refused, OSError) else str(refused)
