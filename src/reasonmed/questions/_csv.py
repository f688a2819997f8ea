"""CSV files as rows of cells."""

from __future__ import annotations

import csv
import re
from itertools import islice
from typing import TYPE_CHECKING

from reasonmed.errors import QuestionError
from reasonmed.questions._bytes import encoding_of
from reasonmed.questions._row import MOST_FIELDS, Row, too_wide
from reasonmed.questions._stream import lines, not_utf8, opened
from reasonmed.questions._table import Cells, is_header, table_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_DELIMITERS = ",;\t|"
_SAID = re.compile(r"\"?sep=(.)\"?[,;\t]*\r?\n?", re.IGNORECASE)
"""The line by which a file tells Excel its delimiter."""
_HEADER_ROWS = 10


def csv_rows(path: Path, names: Collection[str], *, header: bool | None = None) -> Iterator[Row | QuestionError]:
    """The rows of a CSV file; ``header`` says whether it has one, and None that its look decides.

    Raises:
        QuestionError: it is neither UTF-8 nor Windows-1252, or its header is wrong.
    """
    encoding = encoding_of(path)
    with opened(path, encoding) as file:
        try:
            said = _SAID.fullmatch(file.readline(64))
        except UnicodeDecodeError as wrong:
            raise not_utf8(path) from wrong
    skip = 1 if said else 0
    found = _delimiter(path, encoding, names) if header is None else _widest(path, encoding)
    delimiter = said[1] if said else found
    yield from table_rows(path, _lines(path, encoding, delimiter, skip), names, header=header)


def _delimiter(path: Path, encoding: str, names: Collection[str]) -> str:
    """What stands between the cells of a header that is known; a comma where none is."""
    for delimiter in _DELIMITERS:
        for one in islice(_lines(path, encoding, delimiter, 0), _HEADER_ROWS):
            if isinstance(one, Cells) and len(one.cells) > 1 and is_header(one.cells, names):
                return delimiter
    return ","


def _widest(path: Path, encoding: str) -> str:
    """What cuts the first line into the most cells."""

    def cells(delimiter: str) -> int:
        first = next(_lines(path, encoding, delimiter, 0), None)
        return len(first.cells) if isinstance(first, Cells) else 0

    return max(_DELIMITERS, key=cells)


def _lines(path: Path, encoding: str, delimiter: str, skip: int) -> Iterator[Cells | QuestionError]:
    """The file's lines that are not blank, each with the number of the line on which it starts."""
    with opened(path, encoding) as file:
        all_lines = (line for number, line in lines(path, file) if number > skip)
        reader = csv.reader(all_lines, strict=True, delimiter=delimiter)
        line = row = 1 + skip
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as broken:
                yield _broken(path, line, skip + reader.line_num, broken)
            except UnicodeDecodeError as wrong:
                raise not_utf8(path) from wrong
            else:
                if len(cells) > MOST_FIELDS:
                    yield QuestionError(str(path), line, "", too_wide(len(cells)))
                elif any(cells):
                    yield Cells(line, row, cells)
            line, row = skip + reader.line_num + 1, row + 1


def _broken(path: Path, line: int, last: int, broken: csv.Error) -> QuestionError:
    lost = f"; a quote may be left open: lines {line} to {last} are lost with it" if last > line else ""
    return QuestionError(str(path), line, "", f"is not valid CSV: {broken}{lost}")
