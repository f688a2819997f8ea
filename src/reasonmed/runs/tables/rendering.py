"""Tables as Markdown, as cells of plain text, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import fields

from reasonmed.report import markdown
from reasonmed.report.figures import decimal, interval, percent
from reasonmed.runs.tables.shapes import Mean, Part, Quantiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.runs.tables.reading import Tables
    from reasonmed.runs.tables.shapes import Table

VERSION = 1
_EMPTY = "-"
_SMALL = 0.01


def columns_of(table: Table) -> list[str]:
    """The names of its columns; none of an empty table."""
    return [one.name.replace("_", " ") for one in fields(table.rows[0])] if table.rows else []


def cells_of(table: Table) -> Iterator[list[str]]:
    """Its rows as texts."""
    for row in table.rows:
        yield [_cell(getattr(row, name)) for name in row.__struct_fields__]


def names_in(table: Table) -> int:
    """How many of its first columns are names."""
    values = [getattr(table.rows[0], name) for name in table.rows[0].__struct_fields__] if table.rows else []
    return next((place for place, value in enumerate(values) if not isinstance(value, str)), len(values))


def as_markdown(found: Tables, name: str) -> str:
    """All tables as a page of Markdown; names of models and sources are escaped."""
    parts = [f"# Tables of {markdown.plain(name)}\n", f"{head_of(found)}\n"]
    for table in found.tables:
        parts.append(f"## {table.title}\n")
        if table.rows:
            rows = [[markdown.plain(cell) for cell in row] for row in cells_of(table)]
            columns = columns_of(table)
            parts.append(markdown.table(columns, rows, right=len(columns) - names_in(table)))
        else:
            parts.append("none\n")
        parts += [f"{markdown.plain(note)}\n" for note in table.notes]
    return "\n".join(parts)


def as_json(found: Tables, name: str) -> dict[str, object]:
    """All tables as plain data, by their names."""
    told: dict[str, object] = msgspec.to_builtins(found)
    tables = {one.name: {"title": one.title, "rows": msgspec.to_builtins(one.rows)} for one in found.tables}
    return {"version": VERSION, "run": name, **told, "tables": tables}


def head_of(found: Tables) -> str:
    """Where the run stood, in a line."""
    marks = "; DEMO: made by a model without medical ability" if found.demo else ""
    counts = f"{markdown.count(found.questions, 'question')}, {markdown.count(found.records, 'record')}"
    return f"{found.state}: {counts}{marks}"


def _cell(value: object) -> str:
    match value:
        case str():
            return value
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.2f}" if value >= _SMALL or not value else f"{value:.2g}"
    return _EMPTY if value is None else _several(value)


def _several(value: object) -> str:
    """A cell of several numbers."""
    match value:
        case Part():
            return _EMPTY if value.share is None else percent(value.share) + interval(value.low, value.high, percent)
        case Mean():
            return _EMPTY if value.mean is None else decimal(value.mean) + interval(value.low, value.high, decimal)
        case Quantiles():
            return _quantiles(value)
    raise TypeError(f"a table has no cell for {value!r:.100}")


def _quantiles(value: Quantiles) -> str:
    shown = ["" if one is None else f"{round(one):,}" for one in (value.median, value.p10, value.p90)]
    return _EMPTY if value.median is None else f"{shown[0]} ({shown[1]} to {shown[2]})"
