"""Where an index is: beside what it is made from, or in a temporary folder where it cannot be there."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from reasonmed.errors import ReasonMedError
from reasonmed.files import check_own, open_own

SIDES = ("", "-wal", "-shm")
"""What SQLite puts beside a file."""


class Place:
    """A file that this process alone writes, for as long as the place is held.

    Where the folder may not be written, or another viewer has it open, the file is in a temporary folder.

    Args:
        path: where the file is to be.
    """

    def __init__(self, path: Path) -> None:
        self._folder: TemporaryDirectory[str] | None = None
        self._lock = -1
        try:
            self._lock = _held(path)
            self.path = path
        except (OSError, ReasonMedError):
            self._folder = TemporaryDirectory(prefix="reasonmed-view-")
            self.path = Path(self._folder.name, path.name)

    def close(self) -> None:
        """Let go of it."""
        if self._folder is not None:
            self._folder.cleanup()
        else:
            os.close(self._lock)


def _held(path: Path) -> int:
    """The lock of a file, held; what is there under the file's names is ours, or is gone."""
    lock = open_own(path.with_suffix(".lock"), os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for side in SIDES:
            there = path.with_name(path.name + side)
            if there.is_symlink():
                there.unlink()
            check_own(there)
        os.close(open_own(path, os.O_RDWR))
    except BaseException:
        os.close(lock)
        raise
    return lock
