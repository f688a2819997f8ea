"""Tables as rows, whether they come from CSV or from a spreadsheet: the header, and a row under it."""

from __future__ import annotations

from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import QuestionError
from reasonmed.questions._names import column_groups, is_key, is_question
from reasonmed.questions._row import Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

_LOWERED = {"question", "stem", "options", "opa", "answer", "id"}
_KNOWN = _LOWERED - {"id"}
_TITLES = 10
"""So many rows are looked at for a header, if each before it has a cell or two: a title, a date."""
_FULL = 3


class Cells(NamedTuple):
    """A row of a table: the line on which it starts, its row in the sheet, and its cells."""

    line: int
    row: int
    cells: list[str]


def table_rows(
    path: Path, found: Iterable[Cells | QuestionError], names: Collection[str], *, header: bool | None = None
) -> Iterator[Row | QuestionError]:
    """Rows by the header's names; without a header (as in MMLU's files) the columns are ``0``, ``1``, ...

    ``header`` says whether the first row is one; where it is None, its look decides.

    Raises:
        QuestionError: the header has a name twice, or lacks one that was mapped.
    """
    rows = iter(found)
    first = list(islice(rows, _TITLES))
    if first and isinstance(first[0], QuestionError):  # what might be the header cannot be read
        yield from (one for one in chain(first, rows) if isinstance(one, QuestionError))
        return
    place = _place(first, names) if header is None else 0 if header and first else None
    columns = _header(path, first[place], names, lowered=header is None) if place is not None else []  # type: ignore[arg-type]
    skipped = first[: place + 1] if place is not None else []
    yield from (one for one in skipped if isinstance(one, QuestionError))
    for one in chain(first[len(skipped) :], rows):
        yield one if isinstance(one, QuestionError) else _row(path, one, columns)


def is_header(cells: list[str], names: Collection[str] = ()) -> bool:
    """Whether a line is a header: a name in it is known, or looks like that of a question."""
    header = [cell.strip() for cell in cells]
    return bool({name.lower() for name in header} & _KNOWN or {*header} & {*names}) or any(map(is_question, header))


def _place(first: list[Cells | QuestionError], names: Collection[str]) -> int | None:
    """Which row is the header: the first, or the first that is one behind titles."""
    for place, one in enumerate(first):
        if isinstance(one, QuestionError):
            continue
        if is_header(one.cells, names):
            return place
        if sum(bool(cell.strip()) for cell in one.cells) >= _FULL:
            return None
    return None


def _header(path: Path, first: Cells, names: Collection[str], *, lowered: bool) -> list[str]:
    header = [cell.strip() for cell in first.cells]
    ours = _LOWERED if lowered else frozenset()
    header = [name.lower() if name.lower() in ours and name not in names else name for name in header]
    counts = Counter(header)
    twice = next((name for name in header if name and counts[name] > 1), None)
    if twice is not None:
        raise QuestionError(str(path), first.line, twice, "is the name of several columns")
    missing = next((name for name in names if name not in header), None)
    if missing is not None:
        shown = ", ".join(name for name in header if name)
        raise QuestionError(str(path), first.line, missing, f"is mapped, and no column has this name: {shown:.400}")
    return header


def _row(path: Path, one: Cells, header: list[str]) -> Row | QuestionError:
    """An empty cell under a name is a field that is not there."""
    sheet = one.row if one.row != one.line else 0
    if not header:
        return Row(one.line, {str(column): cell for column, cell in enumerate(one.cells)}, sheet)
    cells = one.cells
    if len(cells) > len(header) and not any(cell.strip() for cell in cells[len(header) :]):
        cells = cells[: len(header)]
    lacks = header[len(cells) :]
    if len(cells) > len(header) or any(map(_counts, lacks)) or any(name in lacks for name in _options(header)):
        at = f" (row {sheet} of the sheet)" if sheet else ""
        problem = f"has {len(cells)} columns, the header has {len(header)}{at}"
        return QuestionError(str(path), one.line, "", problem)
    fields: dict[str, object] = {name: cell for name, cell in zip(header, cells, strict=False) if cell != "" and name}
    return Row(one.line, fields, sheet, table=True)


def _counts(name: str) -> bool:
    """Whether a row that lacks a column of this name is torn: programs leave out empty cells at the end only."""
    return is_key(name) or is_question(name)


def _options(header: list[str]) -> set[str]:
    return {name for group in column_groups(header) for name in group.values()}
