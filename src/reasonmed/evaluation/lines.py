"""Files of one JSON object a line, as an evaluation writes them: each line read by its shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from reasonmed.documents import MOST, Refused, decoded, regular
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Shape = TypeVar("Shape")


def read_lines(path: Path, shape: type[Shape], what: str) -> Iterator[Shape]:
    """The lines of a file.

    Args:
        path: the file.
        shape: what each line holds.
        what: that in words, for messages: ``answer of an evaluation``.

    Raises:
        UsageError: there is no such file, or a line of it is none.
    """
    try:
        with regular(path) as file:
            for number, line in enumerate(iter(lambda: file.readline(MOST), b""), 1):
                try:
                    yield decoded(line, shape)
                except Refused as wrong:
                    raise UsageError(f"{path}:{number}: is no {what}: {wrong}") from wrong
    except Refused as unread:
        raise UsageError(f"{path} cannot be read: {unread}") from unread
    except OSError as unread:
        raise UsageError(f"{path} cannot be read: {unread.strerror}") from unread
