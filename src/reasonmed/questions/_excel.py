"""Spreadsheets (``.xlsx``) as rows of cells: the one sheet that has a header with a question, as texts."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from reasonmed.documents import in_mb
from reasonmed.errors import QuestionError
from reasonmed.questions._bytes import MOST_BYTES, MOST_TIMES
from reasonmed.questions._row import MOST_FIELDS, Row, too_wide
from reasonmed.questions._table import Cells, is_header, table_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

ZIP = b"PK\x03\x04"
_PARTS = {
    "word/": "is a Word document; put the questions into a table, and save it as CSV",
    "content.xml": "is an OpenDocument file; save the sheet as CSV or .xlsx",
    "xl/workbook.bin": "is a binary Excel workbook; save it as .xlsx",
}
_HEADER_ROWS = 10
_NEEDS = "is a spreadsheet, and reading it needs the extra: pip install 'reasonmed[excel]'; or save the sheet as CSV"
_PERCENT = re.compile(r"0(?:[.,](0+))?%")


class _Cell(Protocol):
    """What is used of openpyxl's cells."""

    value: object
    number_format: object


class _Sheet(Protocol):
    """What is used of openpyxl's sheets."""

    title: str

    def reset_dimensions(self) -> None: ...

    def iter_rows(self) -> Iterable[Iterable[_Cell]]: ...


def kind_of_zip(path: Path) -> str:
    """What a ZIP archive is: ``xlsx``, or a sentence that says what else."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {one.filename: one.file_size for one in archive.infolist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return "is a ZIP archive or a spreadsheet, and torn"
    what = next((said for part, said in _PARTS.items() if any(name.startswith(part) for name in names)), None)
    if what is not None or "xl/workbook.xml" not in names:
        return what or "is a ZIP archive; unpack it: unzip FILE"
    total = sum(names.values())
    if total > MOST_BYTES // 2 and total > MOST_TIMES * path.stat().st_size:
        return f"is a spreadsheet that unpacks to more than {in_mb(MOST_BYTES // 2)}; save the sheet as CSV"
    return "xlsx"


def excel_rows(path: Path, names: Collection[str]) -> Iterator[Row | QuestionError]:
    """The rows of the sheet that has questions.

    Raises:
        QuestionError: the extra is missing, the file is torn, or several sheets or none have questions.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as missing:
        raise QuestionError(str(path), 0, "", _NEEDS) from missing
    try:
        book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except Exception as broken:
        raise QuestionError(str(path), 0, "", f"is a spreadsheet that cannot be read: {broken}") from broken
    try:
        sheet = _sheet(path, book.worksheets, names)
        yield from table_rows(path, _cells(path, sheet), names)
    finally:
        book.close()


def _sheet(path: Path, sheets: Iterable[_Sheet], names: Collection[str]) -> _Sheet:
    found = [one for one in sheets if any(map(_is_header(names), islice(_cells(path, one), _HEADER_ROWS)))]
    if len(found) == 1:
        return found[0]
    titles = ", ".join(repr(one.title) for one in found or sheets)
    if found:
        raise QuestionError(str(path), 0, "", f"has several sheets with questions ({titles}); save each as a file")
    raise QuestionError(str(path), 0, "", f"has no sheet with a column of questions ({titles}); map it with --map")


def _is_header(names: Collection[str]) -> Callable[[Cells | QuestionError], bool]:
    return lambda one: isinstance(one, Cells) and is_header(one.cells, names)


def _cells(path: Path, sheet: _Sheet) -> Iterator[Cells | QuestionError]:
    """The rows that are not blank."""
    sheet.reset_dimensions()  # what a file says of its size may be wrong
    try:
        for number, row in enumerate(sheet.iter_rows(), 1):
            cells = [_text(one) for one in islice(row, MOST_FIELDS + 1)]
            while cells and not cells[-1]:
                cells.pop()
            if len(cells) > MOST_FIELDS:
                yield QuestionError(str(path), number, "", too_wide(len(cells)))
            elif cells:
                yield Cells(number, number, cells)
    except Exception as broken:
        raise QuestionError(str(path), 0, "", f"is a spreadsheet that cannot be read: {broken}") from broken


def _text(cell: _Cell) -> str:
    """A cell as the sheet shows it: whole numbers without a point, shares in percent, dates as dates."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        percent = _PERCENT.search(str(cell.number_format or ""))
        if percent:
            return f"{value * 100:.{len(percent[1] or '')}f}%"
        return str(int(value)) if float(value).is_integer() and abs(value) < 1 << 53 else f"{value:.15g}"
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        value = value.date()
    return str(value)
