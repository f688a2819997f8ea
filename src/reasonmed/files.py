"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from reasonmed.errors import StorageFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DRAFT = re.compile(r"\..+\.(?P<host>[^/]*)-(?P<pid>\d+)\.part")
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where a disk, a quota or the longest file is full."""


def no_room(place: object, failed: Exception) -> StorageFailed:
    """The error of a write for which there is no room."""
    said = failed.strerror if isinstance(failed, OSError) else str(failed)
    return StorageFailed(f"{place} cannot be written: {said}. Make room, then run the same command again.")


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, also after a power failure."""
    with replacing(path) as sink:
        sink.write(text.encode())


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` once it is written to the end.

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
    _remove_stale_drafts(path)
    draft = path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.part")
    try:
        with draft.open("wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def is_draft(name: str) -> bool:
    """Whether a file name is that of an unfinished ``replacing``."""
    return _DRAFT.fullmatch(name) is not None


def _remove_stale_drafts(path: Path) -> None:
    """Remove drafts of this file whose process was killed on this host."""
    for draft in path.parent.glob(f".{_escaped(path.name)}.*-*.part"):
        found = _DRAFT.fullmatch(draft.name)
        if found and found["host"] == socket.gethostname() and not _alive(int(found["pid"])):
            draft.unlink(missing_ok=True)


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
