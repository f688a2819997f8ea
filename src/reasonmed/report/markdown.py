"""Markdown of cards and reports: names from question files and models are untrusted; here they are escaped."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MARKS = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BAR = r"\|"
"""Also within code a bar would end the cell of a table."""
_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=\w)(?=@)")


class Markdown(str):
    """A text that is Markdown already, and is not escaped again."""

    __slots__ = ()


def plain(text: object) -> str:
    """A text as it reads, on one line: no markup, no HTML, no link, no control characters."""
    line = "".join(mark if mark.isprintable() else " " for mark in str(text))
    line = "".join(_ENTITIES.get(mark, mark) for mark in " ".join(line.split()))
    return _LINK.sub("\u200b", _MARKS.sub(r"\\\1", line))


def code(text: object) -> str:
    """A text as it is, in one line of code."""
    line = "".join(mark if mark.isprintable() and mark != "`" else " " for mark in str(text))
    return f"`{' '.join(line.split()).replace('|', _BAR) or ' '}`"


def number(value: float | None, digits: int = 0) -> str:
    """A number with commas; ``unknown`` where there is none."""
    return "unknown" if value is None else f"{value:,.{digits}f}"


def count(number_: int, one: str, many: str | None = None) -> str:
    """So many of a thing: ``1 record``, ``2,000 records``."""
    return f"{number_:,} {one if number_ == 1 else many or one + 's'}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> str:
    """A table of cells that are Markdown already; the last ``right`` columns are set to the right."""
    rules = ["---"] * (len(columns) - right) + ["--:"] * right
    lines = [columns, rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def bullets(lines: Iterable[str]) -> str:
    """A list of lines that are Markdown already."""
    return "".join(f"- {line}\n" for line in lines)
