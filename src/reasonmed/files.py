"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from reasonmed.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where a disk, a quota or the longest file is full."""


def no_room(place: object, failed: Exception) -> StorageFailed:
    """The error of a write for which there is no room."""
    said = failed.strerror if isinstance(failed, OSError) else str(failed)
    return StorageFailed(f"{place} cannot be written: {said}. Make room, then run the same command again.")


def write_atomically(path: Path, text: str) -> None:
    """A file that is there whole or not at all, also after a power failure."""
    with replacing(path) as sink:
        sink.write(text.encode())


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of another one when it is written to the end.

    Raises:
        StorageFailed: there is no room for it.
    """
    try:
        with _drafted(path) as sink:
            yield sink
    except OSError as failed:
        if failed.errno in NO_ROOM:
            raise no_room(path, failed) from failed
        raise


@contextmanager
def _drafted(path: Path) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
