"""CSV files as rows."""

from __future__ import annotations

import csv
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import QuestionError
from reasonmed.questions._names import is_question
from reasonmed.questions._row import MOST_FIELDS, Row, too_wide
from reasonmed.questions._stream import lines, not_utf8, opened

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_HEADER_NAMES = {"question", "stem", "options", "opa", "answer"}
_DELIMITERS = ",;\t|"


class _Cells(NamedTuple):
    line: int
    cells: list[str]


def csv_rows(path: Path, names: Collection[str], *, header: bool | None = None) -> Iterator[Row | QuestionError]:
    """Rows by the header's names; without a header (as in MMLU's files) the columns are ``0``, ``1``, ...

    ``header`` says whether there is one; where it is None, the first line is one if a name in it is known.
    """
    delimiter = _delimiter(path, names) if header is None else _widest(path)
    lines = _lines(path, delimiter)
    first = next(lines, None)
    if not isinstance(first, _Cells):
        yield from chain([first] if first else [], (one for one in lines if isinstance(one, QuestionError)))
        return
    columns = _header(path, first, names) if header is None else _distinct(path, first) if header else []
    for one in lines if columns else chain([first], lines):
        yield one if isinstance(one, QuestionError) else _row(path, one, columns)


def _delimiter(path: Path, names: Collection[str]) -> str:
    """What stands between the cells of a header that is known; a comma where none is."""
    for delimiter in _DELIMITERS:
        first = next(_lines(path, delimiter), None)
        if isinstance(first, _Cells) and len(first.cells) > 1 and _known([one.strip() for one in first.cells], names):
            return delimiter
    return ","


def _widest(path: Path) -> str:
    """What cuts the first line into the most cells."""

    def cells(delimiter: str) -> int:
        first = next(_lines(path, delimiter), None)
        return len(first.cells) if isinstance(first, _Cells) else 0

    return max(_DELIMITERS, key=cells)


def _lines(path: Path, delimiter: str) -> Iterator[_Cells | QuestionError]:
    """The file's lines that are not blank, each with the number of the line on which it starts."""
    with opened(path) as file:
        reader = csv.reader((line for _, line in lines(path, file)), strict=True, delimiter=delimiter)
        line = 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as broken:
                yield _broken(path, line, reader.line_num, broken)
            except UnicodeDecodeError as wrong:
                raise not_utf8(path) from wrong
            else:
                if len(cells) > MOST_FIELDS:
                    yield QuestionError(str(path), line, "", too_wide(len(cells)))
                elif any(cells):
                    yield _Cells(line, cells)
            line = reader.line_num + 1


def _broken(path: Path, line: int, last: int, broken: csv.Error) -> QuestionError:
    lost = f"; a quote may be left open: lines {line} to {last} are lost with it" if last > line else ""
    return QuestionError(str(path), line, "", f"is not valid CSV: {broken}{lost}")


def _header(path: Path, first: _Cells, names: Collection[str]) -> list[str]:
    """The columns' names; none when the first line is a row."""
    header = [cell.strip() for cell in first.cells]
    if not _known(header, names):
        return []
    header = [name.lower() if name.lower() in _HEADER_NAMES and name not in names else name for name in header]
    return _distinct(path, _Cells(first.line, header))


def _distinct(path: Path, first: _Cells) -> list[str]:
    """The cells of a header.

    Raises:
        QuestionError: several columns have one name.
    """
    header = [cell.strip() for cell in first.cells]
    counts = Counter(header)
    twice = next((name for name in header if name and counts[name] > 1), None)
    if twice is not None:
        raise QuestionError(str(path), first.line, twice, "is the name of several columns")
    return header


def _known(header: list[str], names: Collection[str]) -> bool:
    """Whether a line is a header: a name in it is known, or looks like that of a question."""
    return bool({name.lower() for name in header} & _HEADER_NAMES or {*header} & {*names}) or any(
        map(is_question, header)
    )


def _row(path: Path, one: _Cells, header: list[str]) -> Row | QuestionError:
    """An empty cell under a name is a field that is not there."""
    if not header:
        return Row(one.line, {str(column): cell for column, cell in enumerate(one.cells)})
    if len(one.cells) != len(header):
        problem = f"has {len(one.cells)} columns, the header has {len(header)}"
        return QuestionError(str(path), one.line, "", problem)
    return Row(one.line, {name: cell for name, cell in zip(header, one.cells, strict=True) if cell != ""})
