"""What comes from outside: small files and JSON, bounded. Whatever a parser raises becomes one error that says why."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")

DEEPEST = 100
"""Levels of lists and maps within each other."""
MOST_BYTES = 16 << 20
"""Bytes of a small file: a recipe, a template, a report."""
_KEY = re.compile(r"\"\s*:")
_KEY_BYTES = re.compile(rb"\"\s*:")
TOO_DEEP = f"is nested more than {DEEPEST} levels deep"
NO_MEMORY = "needs more memory than this process has; split it"


class Unusable(ValueError):
    """Content from outside that cannot be used. The message says what is wrong with it; the caller adds where."""


def small_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a file that has no reason to be large.

    Raises:
        OSError: it cannot be read, is a pipe or a device, or is larger than ``most`` bytes.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not block
    except ValueError as none:  # NUL, or half of a character
        raise OSError(errno.EINVAL, "is no name of a file", str(path)) from none
    with open(opened, "rb") as file:  # noqa: PTH123 - it is open already
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "is a pipe or a device; write it to a file first", str(path))
        content = file.read(most + 1)
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


def json_value(text: str | bytes, *, empty_numbers: bool = False) -> Any:  # noqa: ANN401 - whatever is there
    """Strict JSON, in which an object has a key only once.

    Args:
        text: the JSON.
        empty_numbers: whether ``NaN``, which pandas writes for an empty cell, is a value that is not there.

    Raises:
        Unusable: it is no such JSON, is nested too deeply, or has a number that no 64 bits hold.
    """
    try:
        value = _decoded(text, empty_numbers=empty_numbers)
    except UnicodeDecodeError as wrong:
        raise Unusable(f"is not valid JSON: is not UTF-8 (byte 0x{wrong.object[wrong.start]:02x})") from wrong
    except RecursionError as deep:
        raise Unusable(TOO_DEEP) from deep
    except MemoryError as large:
        raise Unusable(NO_MEMORY) from large
    except (msgspec.DecodeError, ValueError, OverflowError) as wrong:
        raise Unusable(f"is not valid JSON: {wrong}") from wrong
    keys = _count_keys(value)
    written = len(_KEY.findall(text) if isinstance(text, str) else _KEY_BYTES.findall(text))
    if written > keys:  # a key is there twice, or a text looks like a key
        json.loads(text, object_pairs_hook=_once, parse_int=str)
    return value


def json_as(text: bytes, shape: type[T]) -> T:
    """Strict JSON of a known shape.

    Raises:
        Unusable: it is no JSON, or has another shape.
    """
    try:
        return msgspec.convert(json_value(text), shape, str_keys=True)
    except msgspec.ValidationError as wrong:
        raise Unusable(str(wrong)) from wrong


def _decoded(text: str | bytes, *, empty_numbers: bool) -> Any:  # noqa: ANN401 - whatever is there
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        if not empty_numbers or (b"NaN" if isinstance(text, bytes) else "NaN") not in text:  # type: ignore[operator]
            raise
        value = json.loads(text, parse_constant=_constant)
        return msgspec.json.decode(json.dumps(value))


def _constant(name: str) -> None:
    if name != "NaN":
        raise ValueError(f"{name} is no JSON")


def _count_keys(value: object) -> int:
    """How many keys its objects have in all."""
    keys, level = 0, [value]
    for _ in range(DEEPEST):
        keys += sum(len(one) for one in level if isinstance(one, dict))
        inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list))
        level = [one for values in inner for one in values if isinstance(one, dict | list)]
        if not level:
            return keys
    raise Unusable(TOO_DEEP)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Unusable(f"has the key {twice[:60]!r} twice in one object, so that it is not clear which value is meant")
    return found
