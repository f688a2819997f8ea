"""Tables on a screen of any width: cells fold at spaces, the widest columns first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from reasonmed.cli._console import out, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[str] = ()) -> None:
    """Print a table of plain texts, with sentences below it."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(_on_a_line(name), overflow="fold")
    for row in rows:
        table.add_row(*map(_on_a_line, row))
    if title:
        out.print(safe(title, "bold"), soft_wrap=True)
    out.print(table)
    for line in words:
        out.print(safe(line), soft_wrap=True)


def _on_a_line(cell: str) -> Text:
    return safe(" ".join(cell.split("\n")))
