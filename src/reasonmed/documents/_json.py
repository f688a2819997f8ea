"""JSON in a shape or as plain values, nested no deeper than can be worked on; whatever a parser raises is one error."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from reasonmed.documents._content import Refused, text_of

if TYPE_CHECKING:
    from pathlib import Path

Shape = TypeVar("Shape")

DEEPEST = 100
"""Levels of lists and maps within each other."""
TOO_DEEP = f"is nested more than {DEEPEST} levels deep"
NO_MEMORY = "needs more memory than this process has; split it"
_KEY = re.compile(r"\"\s*:")
_KEY_BYTES = re.compile(rb"\"\s*:")
_ABSENT = re.compile(r"Object missing required field `(?P<field>[^`]*)`(?: - at `\$\.?(?P<within>[^`]*)`)?")
_PLACE = re.compile(r"(?P<problem>.*?) - at `(?P<key>key in )?\$\.?(?P<field>[^`]*)`")


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


def map_of(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model's folder; empty where there is none, or none that can be read."""
    try:
        found = json.loads(text_of(path))
    except (OSError, Refused, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def json_value(text: str | bytes, *, empty_numbers: bool = False) -> object:
    """Strict JSON, in which an object has a key only once.

    Args:
        text: the JSON.
        empty_numbers: whether ``NaN``, which pandas writes for an empty cell, is a value that is not there.

    Raises:
        Refused: it is no such JSON, is nested too deeply, or has a number that no 64 bits hold.
    """
    try:
        value = _decoded(text, empty_numbers=empty_numbers)
    except UnicodeDecodeError as wrong:
        raise Refused(f"is not valid JSON: is not UTF-8 (byte 0x{wrong.object[wrong.start]:02x})") from wrong
    except RecursionError as deep:
        raise Refused(TOO_DEEP) from deep
    except MemoryError as large:
        raise Refused(NO_MEMORY) from large
    except (msgspec.DecodeError, ValueError, OverflowError) as wrong:
        raise Refused(f"is not valid JSON: {wrong}") from wrong
    keys = _count_keys(value)
    written = len(_KEY.findall(text) if isinstance(text, str) else _KEY_BYTES.findall(text))
    if written > keys:  # a key is there twice, or a text looks like a key
        json.loads(text, object_pairs_hook=_once, parse_int=str)
    return value


def json_as(text: bytes, shape: type[Shape]) -> Shape:
    """Strict JSON of a known shape.

    Raises:
        Refused: it is no JSON, or has another shape.
    """
    try:
        return msgspec.convert(json_value(text), shape, str_keys=True)
    except msgspec.ValidationError as wrong:
        raise Refused(str(wrong)) from wrong


def _decoded(text: str | bytes, *, empty_numbers: bool) -> object:
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
    raise Refused(TOO_DEEP)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused(f"has the key {twice[:60]!r} twice in one object, so that it is not clear which value is meant")
    return found
