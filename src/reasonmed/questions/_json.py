"""JSON files as rows: JSON Lines, lists, maps of rows by their ids, and objects that take several lines each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reasonmed.documents import Refused, json_value
from reasonmed.errors import QuestionError
from reasonmed.questions._bytes import binary
from reasonmed.questions._nested import cut_cells, has_question, numbered, rows_within
from reasonmed.questions._row import MOST_FIELDS, Row, start, too_wide
from reasonmed.questions._stream import Values, lines, not_utf8, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

BOM = b"\xef\xbb\xbf"
BLANK = b" \t\r\n"

_LONG_LINE = 1 << 20
_ROW_FIELDS = {"question", "options", "context", "meta"}
"""Fields of a row that may hold a map, so that a map under such a name is no row by its id."""


def list_rows(path: Path) -> Iterator[Row | QuestionError]:
    """The elements of a list."""
    return _enclosed(path, "[", "]")


def object_rows(path: Path) -> Iterator[Row | QuestionError]:
    """A file that begins with a brace: JSON Lines, a map of rows, or objects that take several lines each."""
    with binary(path) as file:
        first, more = _next_line(file), _next_line(file)
    try:
        value = json_value(first.removeprefix(BOM), empty_numbers=True)
    except Refused:
        cut = len(first) == _LONG_LINE
        if not cut and more.lstrip(BLANK).startswith(b"{"):
            return _lines(path)
        kind = _begins(path)
        if kind is not None:
            return _objects(path) if kind == "table" else _enclosed(path, "{", "}")
        return _lines(path) if cut else _objects(path)
    if more or not isinstance(value, dict) or not _is_map(value) or rows_within(value):
        return _lines(path)
    return _enclosed(path, "{", "}")


def _next_line(file: BinaryIO) -> bytes:
    """The next line that is not blank, or its beginning."""
    while line := file.readline(_LONG_LINE):
        if line.removeprefix(BOM).strip(BLANK):
            return line
    return b""


def _is_map(value: dict[str, object]) -> bool:
    """Whether most of an object's values are rows."""
    maps = [name for name, one in value.items() if isinstance(one, dict) and name not in _ROW_FIELDS]
    return 2 * len(maps) > len(value)


def _begins(path: Path) -> str | None:
    """Whether an object is a map of rows or a table by column, seen from its first value; None where it is neither."""
    with opened(path) as file:
        values = Values(file)
        try:
            values.skip("{")
            name = _name(values)
            if values.peek() != "{":
                return None
            column = json_value(values.value(), empty_numbers=True)
            if isinstance(column, dict) and numbered(column):
                return "table"
        except (ValueError, RecursionError, MemoryError):
            return None
    return None if name in _ROW_FIELDS else "map"


def _lines(path: Path) -> Iterator[Row | QuestionError]:
    with binary(path) as file:
        for number, line in lines(path, file):
            text = line.removeprefix(BOM) if number == 1 else line
            if text.strip(BLANK):
                yield from _rows(path, number, text)


def _objects(path: Path) -> Iterator[Row | QuestionError]:
    with opened(path) as file:
        values = Values(file)
        try:
            while values.peek():
                line, text = values.line, values.value()
                yield from _rows(path, line, text)
        except UnicodeDecodeError as wrong:
            raise not_utf8(path) from wrong
        except (ValueError, RecursionError, MemoryError) as broken:
            yield values.torn(path, broken)


def _enclosed(path: Path, opening: str, closing: str) -> Iterator[Row | QuestionError]:
    """The elements of a list; or the rows of a map, as PubMedQA's files are, whose names become ``id``."""
    with opened(path) as file:
        values = Values(file)
        try:
            values.skip(opening)
            while values.peek() not in (closing, ""):
                line, name = values.line, _name(values) if closing == "}" else None
                yield from _rows(path, line, values.value(), name)
                if values.peek() != closing:
                    values.skip(",")
            values.skip(closing)
            if values.peek():
                yield values.torn(path, ValueError("more text behind the end"))
        except UnicodeDecodeError as wrong:
            raise not_utf8(path) from wrong
        except (ValueError, RecursionError, MemoryError) as broken:
            yield values.torn(path, broken)


def _name(values: Values) -> str:
    """The name of a map's next value."""
    name = json.loads(values.value(), strict=False)
    values.skip(":")
    if not isinstance(name, str):
        raise ValueError(f"expected a name in quotes, not {name!r:.40}")  # noqa: TRY004 - the text is wrong, not a type
    return name


def _rows(path: Path, line: int, text: str | bytes, name: str | None = None) -> Iterator[Row | QuestionError]:
    """The row that a value is, or the rows that it holds."""
    try:
        value = json_value(text, empty_numbers=True)
    except Refused as broken:
        yield QuestionError(str(path), line, "", f"{broken}: {start(text)}")
        return
    if isinstance(value, dict):
        inner = rows_within(value if name is None or has_question(value) else {name: value})
        value = value if name is None else {"id": name, **value}
    else:
        inner = value if isinstance(value, list) and value and all(isinstance(one, dict) for one in value) else []
    for one in inner or [value]:
        if not isinstance(one, dict):
            shown = start(text if one is value else json.dumps(one))
            yield QuestionError(str(path), line, "", f"must be an object with question and options, not {shown}")
        elif len(one) > MOST_FIELDS:
            yield QuestionError(str(path), line, "", too_wide(len(one)))
        elif cut := cut_cells(one):
            yield QuestionError(
                str(path), line, cut[0], "is cut by the viewer that wrote this row; take the file itself"
            )
        else:
            yield Row(line, one)
