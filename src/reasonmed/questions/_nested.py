"""Rows inside of other JSON: lists under names, tables by column, and what a hub's viewer writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.questions._literal import literal
from reasonmed.questions._names import absent, is_key, is_question

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SPLITS = {"train", "test", "validation", "valid", "val", "dev"}
_TEXTS = {"text", "stem", "content", "value"}
_LONG = 200
"""A text of so many characters beside a list may belong to its rows, such as the passage that they ask about."""


class _List(NamedTuple):
    path: tuple[str, ...]
    """The names that lead to it."""
    rows: Sequence[object]
    beside: bool
    """Whether a long text stands beside it, or above."""


def has_question(fields: dict[str, object]) -> bool:
    """Whether an object may be a row: a field of it is called a question."""
    return any(map(is_question, fields))


def rows_within(value: dict[str, object]) -> Sequence[object]:
    """The rows that an object holds though it is none itself; none where it holds no questions.

    Nothing is taken out of an object in which a long text stands beside the rows.
    """
    table = _of_columns(value)
    if table is not None:
        return table
    if has_question(value):
        return []
    found = [one for one in _lists(value, (), beside=False) if any(map(_is_row, one.rows))]
    if any(one.beside for one in found):
        return []
    return [_own(row, one.path, several=len(found) > 1) for one in found for row in one.rows]


def unwrapped(row: dict[str, object]) -> dict[str, object]:
    """A row whose question, options and key are a level deeper, with what is beside them; every other row as it is.

    Where both levels have something that looks like a key, the one beside the question counts.
    """
    name, deeper = next(
        ((name, one) for name, one in row.items() if is_question(name) and isinstance(one, dict)), (None, {})
    )
    if name is not None:
        inner = dict(deeper)
        asked = next((one for one in inner if is_question(one) or one.lower() in _TEXTS), None)
        if asked is None or not isinstance(inner[asked], str):
            return row
        return _merged({one: row[one] for one in row if one != name}, {"question": inner.pop(asked), **inner})
    if has_question(row):
        return row
    told = {name: literal(one) if isinstance(one, str) and one[:1] == "{" else one for name, one in row.items()}
    found = {name: one for name, one in told.items() if isinstance(one, dict) and has_question(one)}
    if len(found) != 1:
        return row
    ((holder, inner),) = found.items()
    return _merged({name: one for name, one in row.items() if name != holder}, unwrapped(inner))


def _merged(outer: dict[str, object], inner: dict[str, object]) -> dict[str, object]:
    keyed = any(is_key(name) and not absent(one) for name, one in inner.items())
    beside = {name: one for name, one in outer.items() if not (keyed and is_key(name))}
    identity = {"id": beside["_id"]} if isinstance(beside.get("_id"), str) else {}
    return {**identity, **beside, **inner}


def cut_cells(row: dict[str, object]) -> list[str]:
    """The cells of a viewer's row that it shows cut."""
    cut = row.get("truncated_cells")
    return [str(name) for name in cut] if isinstance(row.get("row"), dict) and isinstance(cut, list) else []


def numbered(value: dict[str, object]) -> bool:
    """Whether the names in an object number the rows of a column, as pandas writes them."""
    return bool(value) and all(name.isdecimal() for name in value) and not any(map(_is_row, value.values()))


def _of_columns(value: dict[str, object]) -> list[dict[str, object]] | None:
    """A table by column: each a list of cells, or a map of them by the row's number."""
    if len(value) < 2 or not any(is_question(name) for name in value):  # noqa: PLR2004 - question and options
        return None
    asked = next(column for name, column in value.items() if is_question(name))
    if not isinstance(asked, list | dict):
        return None
    names = list(asked) if isinstance(asked, dict) and numbered(asked) else None
    maps = [column for column in value.values() if isinstance(column, dict) and [*column] == names]
    cells = (
        [[column[name] for name in names] for column in maps]
        if names
        else [column for column in value.values() if isinstance(column, list)]
    )
    texts = asked.values() if isinstance(asked, dict) else asked
    if len(cells) < len(value) or len({*map(len, cells)}) > 1 or not all(isinstance(cell, str) for cell in texts):
        return None
    return [dict(zip(value, row, strict=True)) for row in zip(*cells, strict=True)]


def _lists(value: dict[str, object], path: tuple[str, ...], *, beside: bool) -> Iterator[_List]:
    """Lists under any names, and tables as pandas splits them into columns and data."""
    beside = beside or any(isinstance(one, str) and len(one) >= _LONG for one in value.values())
    columns, data = value.get("columns"), value.get("data")
    if isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        names = [str(name) for name in columns]
        yield _List(
            path, [dict(zip(names, row, strict=True)) if len(row) == len(names) else row for row in data], beside
        )
        return
    rows = [{"id": name, **one} for name, one in value.items() if isinstance(one, dict) and _is_row(one)]
    if rows and path:
        yield _List(path, rows, beside)
    for name, one in value.items():
        if isinstance(one, dict) and not _is_row(one):
            yield from _lists(one, (*path, name), beside=beside)
        elif isinstance(one, list):
            yield _List((*path, name), one, beside)


def _is_row(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    inner = value.get("row")
    return has_question(inner if isinstance(inner, dict) else value)


def _own(row: object, path: tuple[str, ...], *, several: bool) -> object:
    """A row with what the names above it say: the split, or the list that it is from."""
    if not isinstance(row, dict) or cut_cells(row):
        return row
    inner = row.get("row")
    found = inner if isinstance(inner, dict) else row
    name = path[-1] if path else ""
    if name.lower() in _SPLITS:
        return {"split": name, **found}
    return {"group": "/".join(path), **found} if several else found
