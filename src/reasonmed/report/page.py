"""HTML pages that stand alone. Every text is escaped here and nowhere else."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, NewType

from reasonmed.documents import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Html = NewType("Html", str)
"""Markup that this module or a plot made: the only text that goes into a page as it is."""

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2430; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1rem; }
th, td { text-align: left; padding: 0.25rem 0.8rem 0.25rem 0; border-bottom: 1px solid #dde2e8; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f5f7f9; padding: 0.6rem; margin: 0.3rem 0; }
details { margin: 0.2rem 0; } summary { cursor: pointer; } .note { color: #5b6675; }
svg { max-width: 100%; height: auto; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def _escaped(text: str) -> str:
    return html.escape(visible(text))


def page(title: str, parts: Iterable[Html]) -> str:
    """A whole page: a heading and its parts."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_escaped(title)}</title><style>{_STYLE}</style></head><body><h1>{_escaped(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
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
