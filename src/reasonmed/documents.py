"""Documents that are read back: within bounds, checked field by field, and never a way out of their folder.

Whoever hands over a run, an export or a card may have written anything into it. A ``Document`` is one kind of JSON file
with the shape that its readers rely on; ``inside`` follows a path that a document names.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Generic, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.errors import ReasonMedError

MOST = 256 << 20
"""Bytes of a document, and of a text in a ledger once it is unpacked, beyond which it is not read."""

Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
Amount = Annotated[float, msgspec.Meta(ge=0, lt=1e15)]
Number = Annotated[float, msgspec.Meta(gt=-1e15, lt=1e15)]
"""Numbers that are finite, and small enough to be added up and shown."""

OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of writing, and halves of characters."""

Shape = TypeVar("Shape")
_PASSED = "/dev/fd/"
_ABSENT = re.compile(r"Object missing required field `(?P<field>[^`]*)`(?: - at `\$\.?(?P<within>[^`]*)`)?")
_PLACE = re.compile(r"(?P<problem>.*?) - at `(?P<key>key in )?\$\.?(?P<field>[^`]*)`")


class Refused(Exception):
    """Why something cannot be read; whoever knows what it was meant to be says so, and how to fix it."""


@dataclass(frozen=True)
class Document(Generic[Shape]):
    """A kind of JSON file.

    Args:
        what: what such a file is.
        shape: the fields that readers rely on; others may be there.
        error: what is raised about a file that is none.
        fix: what a person does then.
        version: the field that says how the file is laid out, and the layouts that can be read.
    """

    what: str
    shape: type[Shape]
    error: type[ReasonMedError]
    fix: str
    version: tuple[str, tuple[int, ...]] | None = None

    def plain(self, path: Path) -> dict[str, Any]:
        """The file's content as plain data, every field of the shape checked.

        Raises:
            FileNotFoundError, NotADirectoryError: there is no file.
            ReasonMedError: it is no such document.
        """
        return self._checked(path)[0]

    def read(self, path: Path) -> Shape:
        """The file's content in its shape.

        Raises:
            FileNotFoundError, NotADirectoryError: there is no file.
            ReasonMedError: it is no such document.
        """
        return self._checked(path)[1]

    def refuse(self, path: Path, problem: object) -> ReasonMedError:
        """The error about a file."""
        return self.error(f"{path} is no {self.what}: {problem}; {self.fix}")

    def _checked(self, path: Path) -> tuple[dict[str, Any], Shape]:
        try:
            plain = decoded(content_of(path), dict[str, Any])
            if self.version is not None:
                _check_version(plain, *self.version)
            return plain, converted(plain, self.shape)
        except Refused as problem:
            raise self.refuse(path, problem) from problem


def _check_version(plain: dict[str, Any], field: str, known: tuple[int, ...]) -> None:
    found = plain.get(field)
    if type(found) is not int or found not in known:
        raise Refused(f"its {field} is {found!r:.50}, and this version reads {' and '.join(map(str, known))}")


def visible(text: str) -> str:
    """A text in which nothing is left that a terminal or a page would obey."""
    return OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def decoded(content: bytes, shape: type[Shape]) -> Shape:
    """JSON in a shape.

    Raises:
        Refused: it is no JSON, nested too deep, or something else; says the field.
    """
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.MsgspecError, UnicodeError, ValueError) as wrong:
        raise Refused(_in_words(wrong)) from wrong
    except (RecursionError, OverflowError) as wrong:
        raise Refused("it is nested too deep, or a number in it is too large") from wrong


def converted(value: object, shape: type[Shape]) -> Shape:
    """Plain data in a shape.

    Raises:
        Refused: it is something else; says the field.
    """
    try:
        return msgspec.convert(value, shape)
    except (msgspec.MsgspecError, ValueError) as wrong:
        raise Refused(_in_words(wrong)) from wrong
    except (RecursionError, OverflowError) as wrong:
        raise Refused("it is nested too deep, or a number in it is too large") from wrong


def _in_words(wrong: Exception) -> str:
    """A problem with its field in front, as far as it is known."""
    absent = _ABSENT.fullmatch(str(wrong))
    if absent is not None:
        return f"it has no `{'.'.join(filter(None, (absent['within'], absent['field'])))}`"
    found = _PLACE.fullmatch(str(wrong))
    if found is None:
        return f"{wrong}"
    name = "a name in " if found["key"] else ""
    return f"{name}`{found['field']}`: {found['problem']}"


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


@contextmanager
def regular(path: Path) -> Iterator[BinaryIO]:
    """A regular file, opened without waiting for anybody; or what a shell passes by ``<(command)``.

    Raises:
        FileNotFoundError, NotADirectoryError: there is none.
        Refused: it is a folder, a pipe or a device, or cannot be read.
    """
    passed = str(path).startswith(_PASSED)
    try:
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if passed else os.O_NONBLOCK))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError) as unread:
        raise Refused(f"it cannot be read: {getattr(unread, 'strerror', None) or unread}") from unread
    if not passed and not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise Refused("it is no regular file")
    with os.fdopen(opened, "rb") as file:
        yield file


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


def map_of(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model's folder; empty where there is none, or none that can be read."""
    try:
        found = json.loads(text_of(path))
    except (OSError, Refused, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


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
