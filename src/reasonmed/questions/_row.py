"""What every kind of file becomes: rows."""

from __future__ import annotations

from reprlib import Repr
from typing import NamedTuple

MOST_FIELDS = 2000
"""Columns of a table, and fields of a row."""
_SHOWN = 60
_REPR = Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 80
_REPR.maxlist = _REPR.maxtuple = _REPR.maxdict = 10


class Row(NamedTuple):
    """One row: the 1-based line on which it starts (in parquet and spreadsheets its number), and its fields."""

    line: int
    fields: dict[str, object]
    sheet: int = 0
    """Its number in a sheet, where that is another one than its line."""
    table: bool = False
    """Whether it is a row of a table under a header."""

    @property
    def known_as(self) -> str:
        """By what a person finds a row of a table again, for the end of a message; nothing for other rows."""
        said = [f"row {self.sheet} of the sheet"] if self.sheet else []
        if self.table and self.fields.get("id"):
            said.append(f"id {glance(self.fields['id'])}")
        return f" ({', '.join(said)})" if said else ""


def too_wide(count: int) -> str:
    """What is wrong with a row or a table of so many fields."""
    return f"has {count:,} fields, and a row has {MOST_FIELDS:,} at most; take the columns that are needed"


def glance(value: object) -> str:
    """A value for a message: however long or deep it is, a line or two."""
    return _REPR.repr(value)


def start(text: str | bytes) -> str:
    """How a text begins, on one line."""
    head = text[: 4 * _SHOWN]
    shown = " ".join((head.decode("utf-8", "replace") if isinstance(head, bytes) else head).split())
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
