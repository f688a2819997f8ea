"""What files hold, within bounds and without waiting for anybody; and names that stay in their folder."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST = 256 << 20
"""Bytes of a document, and of a text in a ledger once it is unpacked, beyond which it is not read."""
MOST_BYTES = 16 << 20
"""Bytes of a small file: a recipe, a template, a report."""
_PASSED = "/dev/fd/"


class Refused(ValueError):
    """Why something cannot be read; whoever knows what it was meant to be says so, and how to fix it."""


def _opened(path: Path, *, waiting: bool = False) -> tuple[int, int]:
    """A file that is open for reading, as its descriptor and its kind; a pipe is waited for only where that is meant.

    Raises:
        OSError: there is none, or it cannot be read.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if waiting else os.O_NONBLOCK))
    except ValueError as none:  # NUL, or half of a character
        raise OSError(errno.EINVAL, "is no name of a file", str(path)) from none
    return opened, stat.S_IFMT(os.fstat(opened).st_mode)


@contextmanager
def regular(path: Path) -> Iterator[BinaryIO]:
    """A regular file, opened without waiting for anybody; or what a shell passes by ``<(command)``.

    Raises:
        FileNotFoundError, NotADirectoryError: there is none.
        Refused: it is a folder, a pipe or a device, or cannot be read.
    """
    passed = str(path).startswith(_PASSED)
    try:
        opened, kind = _opened(path, waiting=passed)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as unread:
        raise Refused(f"it cannot be read: {unread.strerror or unread}") from unread
    if not passed and kind != stat.S_IFREG:
        os.close(opened)
        raise Refused("it is no regular file")
    with os.fdopen(opened, "rb") as file:
        yield file


def content_of(path: Path) -> bytes:
    """The bytes of a regular file, within bounds.

    Raises:
        FileNotFoundError, NotADirectoryError: there is none.
        Refused: it is a folder, a pipe, a device, too large, or cannot be read.
    """
    with regular(path) as file:
        if os.fstat(file.fileno()).st_size > MOST or len(content := file.read(MOST + 1)) > MOST:
            raise Refused(f"it has more than {MOST:,} bytes, and no more are read")
        return content


def text_of(path: Path) -> str:
    """The text of a regular file, within bounds.

    Raises:
        FileNotFoundError, NotADirectoryError: there is none.
        Refused: it is no such file.
    """
    try:
        return content_of(path).decode("utf-8")
    except UnicodeDecodeError as garbage:
        raise Refused("it is no text in UTF-8") from garbage


def small_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a file that somebody names and that has no reason to be large.

    Raises:
        OSError: it cannot be read, is a pipe or a device, or is larger than ``most`` bytes.
    """
    opened, kind = _opened(path)
    try:
        if kind == stat.S_IFDIR:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if kind != stat.S_IFREG:
            raise OSError(errno.EINVAL, "is a pipe or a device; write it to a file first", str(path))
        with os.fdopen(opened, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(opened)
    if len(content) > most:
        raise OSError(errno.EINVAL, f"is larger than {in_mb(most)}", str(path))
    return content


def small_text(path: Path, most: int = MOST_BYTES) -> str:
    """The text of a small file.

    Raises:
        OSError: as ``small_file``.
        UnicodeDecodeError: it is not UTF-8.
    """
    return small_file(path, most).decode("utf-8")


def reason(unread: OSError | UnicodeDecodeError) -> str:
    """Why a small file cannot be read, without its name."""
    if isinstance(unread, UnicodeDecodeError):
        return f"is not UTF-8 (byte 0x{unread.object[unread.start]:02x} at {unread.start:,})"
    return unread.strerror or str(unread)


def in_mb(size: int) -> str:
    """A number of bytes for a message."""
    return f"{size / (1 << 20):g} MB"


def inside(folder: Path, name: str | PurePath) -> Path:
    """The place of a name in a folder, all links followed.

    Raises:
        Refused: the name is empty or absolute, goes up, or leads out of the folder through a link.
    """
    written = PurePath(name)
    if not written.parts or written.is_absolute() or ".." in written.parts:
        raise Refused(f"{str(name)!r:.200} is no path inside {folder}")
    place = folder / written
    try:
        within = place.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as loop:
        raise Refused(f"{str(name)!r:.200} leads nowhere: {loop}") from loop
    if not within:
        raise Refused(f"{str(name)!r:.200} leads out of {folder} through a link; put a copy in the place of the link")
    return place


def is_plain_file(path: Path) -> bool:
    """Whether a regular file is there, and no link, folder, pipe or device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):
        return False
