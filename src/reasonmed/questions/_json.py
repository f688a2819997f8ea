"""JSON files as rows: JSON Lines, lists, maps of rows by their ids, and objects that take several lines each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from reasonmed.errors import QuestionError
from reasonmed.questions._row import Row, start
from reasonmed.questions._stream import Values, not_utf8, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"

_LONG_LINE = 1 << 20
_DEEPEST = 100
_ROW_FIELDS = {"question", "options", "context", "meta"}
"""Fields of a row that may hold a map, so that a map under such a name is no row by its id."""


def list_rows(path: Path) -> Iterator[Row | QuestionError]:
    """The elements of a list."""
    return _enclosed(path, "[", "]")


def object_rows(path: Path) -> Iterator[Row | QuestionError]:
    """A file that begins with a brace: JSON Lines, a map of rows, or objects that take several lines each."""
    with path.open("rb") as file:
        first, more = _next_line(file), _next_line(file)
    try:
        value = msgspec.json.decode(first.removeprefix(BOM))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        cut = len(first) == _LONG_LINE
        if not cut and more.lstrip(BLANK).startswith(b"{"):
            return _lines(path)
        if _begins_a_map(path):
            return _enclosed(path, "{", "}")
        return _lines(path) if cut else _objects(path)
    return _lines(path) if more or not _is_map(value) else _enclosed(path, "{", "}")


def _next_line(file: BinaryIO) -> bytes:
    """The next line that is not blank, or its beginning."""
    while line := file.readline(_LONG_LINE):
        if line.removeprefix(BOM).strip(BLANK):
            return line
    return b""


def _is_map(value: dict[str, Any]) -> bool:
    """Whether most of an object's values are rows."""
    maps = [name for name, one in value.items() if isinstance(one, dict) and name not in _ROW_FIELDS]
    return 2 * len(maps) > len(value)


def _begins_a_map(path: Path) -> bool:
    with opened(path) as file:
        values = Values(file)
        try:
            values.skip("{")
            return _name(values) not in _ROW_FIELDS and values.peek() == "{"
        except (ValueError, RecursionError):
            return False


def _lines(path: Path) -> Iterator[Row | QuestionError]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(BOM) if number == 1 else line
            if text.strip(BLANK):
                yield _row(path, number, text)


def _objects(path: Path) -> Iterator[Row | QuestionError]:
    with opened(path) as file:
        values = Values(file)
        try:
            while values.peek():
                line, text = values.line, values.value()
                yield _row(path, line, text)
        except UnicodeDecodeError as wrong:
            raise not_utf8(path) from wrong
        except (ValueError, RecursionError) as broken:
            yield values.torn(path, broken)


def _enclosed(path: Path, opening: str, closing: str) -> Iterator[Row | QuestionError]:
    """The elements of a list; or the rows of a map, as PubMedQA's files are, whose names become ``id``."""
    with opened(path) as file:
        values = Values(file)
        try:
            values.skip(opening)
            while values.peek() not in (closing, ""):
                line, name = values.line, _name(values) if closing == "}" else None
                yield _row(path, line, values.value(), name)
                if values.peek() != closing:
                    values.skip(",")
            values.skip(closing)
            if values.peek():
                yield values.torn(path, ValueError("more text behind the end"))
        except UnicodeDecodeError as wrong:
            raise not_utf8(path) from wrong
        except (ValueError, RecursionError) as broken:
            yield values.torn(path, broken)


def _name(values: Values) -> str:
    """The name of a map's next value."""
    name = json.loads(values.value(), strict=False)
    values.skip(":")
    if not isinstance(name, str):
        raise ValueError(f"expected a name in quotes, not {name!r:.40}")  # noqa: TRY004 - the text is wrong, not a type
    return name


def _row(path: Path, line: int, text: str | bytes, name: str | None = None) -> Row | QuestionError:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        return QuestionError(str(path), line, "", f"is not valid JSON: {_reason(broken)}: {start(text)}")
    if not isinstance(value, dict):
        problem = f"must be an object with question and options, not {start(text)}"
        return QuestionError(str(path), line, "", problem)
    if _deeper(value, _DEEPEST):
        return QuestionError(str(path), line, "", f"is nested more than {_DEEPEST} levels deep")
    return Row(line, value if name is None else {"id": name, **value})


def _deeper(value: object, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return not levels or any(_deeper(child, levels - 1) for child in children)


def _reason(broken: Exception) -> str:
    if isinstance(broken, UnicodeDecodeError):
        return f"is not UTF-8 (byte 0x{broken.object[broken.start]:02x})"
    return "nested too deeply" if isinstance(broken, RecursionError) else str(broken)
