"""Tables on a screen of any width: what does not fit beside the other columns goes above them, and names fold first."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from rich.cells import cell_len

from reasonmed.cli._console import out, safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP = "  "
_WORD = 12
"""Heads are broken at spaces, and within words that are longer than this."""
_NARROWEST = 6


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[str] = ()) -> None:
    """Print a table of plain texts whose first column are names, with sentences below it.

    Where it is too wide, heads are broken into lines; then the names of the first column become lines of their own;
    then the widest columns are folded.
    """
    columns, rows = _shown(columns), [_shown(row) for row in rows]
    heads, left = [[name] for name in columns], 0
    if _total(_widths(heads, rows)) > out.width:
        heads = [_broken(name, [row[place] for row in rows]) for place, name in enumerate(columns)]
        left = int(_total(_widths(heads, rows)) > out.width and len(columns) > 1)
    indent = _GAP * left
    widths = _narrowed(_widths(heads, rows)[left:], out.width - len(indent))
    if title:
        _print(title, "bold")
    if left:
        _print(columns[0], "dim")
    tall = max(map(len, heads[left:]))
    for line in _lines([[""] * (tall - len(head)) + head for head in heads[left:]], widths):
        _print(indent + line, "dim")
    above: str | None = None
    for row in rows:
        if left and row[0] != above:
            above = row[0]
            _print(above)
        for line in _lines([[cell] for cell in row[left:]], widths):
            _print(indent + line)
    for line in words:
        _print(line)


def _shown(cells: Sequence[str]) -> list[str]:
    """Texts as they are printed, each on one line, so that they are as long as they look."""
    return [safe(" ".join(cell.split("\n"))).plain for cell in cells]


def _print(line: str, style: str = "") -> None:
    out.print(safe(line.rstrip(), style), soft_wrap=True)


def _broken(head: str, cells: Sequence[str]) -> list[str]:
    """A head on lines that are no longer than the cells below it; short words stay whole."""
    word = max(map(len, head.split()), default=0)
    room = max(*map(len, cells), min(word, _WORD), 1)
    return textwrap.wrap(head.replace(" %", "\N{NO-BREAK SPACE}%"), room) or [""]


def _widths(heads: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> list[int]:
    columns = [[*head, *(row[place] for row in rows)] for place, head in enumerate(heads)]
    return [max(map(cell_len, texts)) for texts in columns]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _narrowed(widths: Sequence[int], room: int) -> list[int]:
    """Widths that fit, taken from the widest columns first."""
    found = list(widths)
    while _total(found) > room and max(found) > _NARROWEST:
        found[found.index(max(found))] -= 1
    return found


def _lines(cells: Sequence[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    """The lines of a row whose cells are lists of lines, each folded to its width."""
    folded = [
        [piece for line in cell for piece in ([line] if cell_len(line) <= width else textwrap.wrap(line, width))]
        for cell, width in zip(cells, widths, strict=True)
    ]
    for number in range(max(map(len, folded))):
        pieces = [cell[number] if number < len(cell) else "" for cell in folded]
        yield _GAP.join(piece + " " * (width - cell_len(piece)) for piece, width in zip(pieces, widths, strict=True))
