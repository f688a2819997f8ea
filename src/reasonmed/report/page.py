"""HTML pages that stand alone. Every text is escaped here and nowhere else."""

from __future__ import annotations

import html
from pathlib import Path
from typing import TYPE_CHECKING, NewType

from reasonmed.documents import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Html = NewType("Html", str)
"""Markup that this module or a plot made: the only text that goes into a page as it is."""

STYLE_FILE = Path(__file__).parent / "style.css"
"""The look of all pages, light and dark."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def _escaped(text: str) -> str:
    return html.escape(visible(text))


def page(title: str, parts: Iterable[Html]) -> str:
    """A whole page: a heading and its parts."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_escaped(title)}</title><style>{STYLE_FILE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main><h1>{_escaped(title)}</h1>\n" + "\n".join(parts) + "\n</main></body></html>\n"
    )


def heading(text: str) -> Html:
    """A heading of a section."""
    return Html(f"<h2>{_escaped(text)}</h2>")


def paragraph(text: str, *, note: bool = False) -> Html:
    """A paragraph; a note is set in gray."""
    return Html(f"<p{' class=note' if note else ''}>{_escaped(text)}</p>")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """A table; numbers are set to the right."""

    def cell(value: object, tag: str, number: bool) -> str:  # noqa: FBT001 - two places below
        return f"<{tag}{' class=number' if number else ''}>{_escaped(str(value))}</{tag}>"

    body = [list(row) for row in rows]
    right = [bool(body) and all(_is_number(row[place]) for row in body) for place in range(len(columns))]
    head = "".join(cell(name, "th", number) for name, number in zip(columns, right, strict=True))
    lines = ("".join(cell(value, "td", number) for value, number in zip(row, right, strict=True)) for row in body)
    return Html(f"<table><tr>{head}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or str(value)[:1].isdigit()


def details(summary: str, text: str) -> Html:
    """A text that opens on a click."""
    return Html(f"<details><summary>{_escaped(summary)}</summary><pre>{_escaped(text)}</pre></details>")
