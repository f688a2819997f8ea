"""HTML pages that stand alone. Every text is escaped here and nowhere else."""

from __future__ import annotations

import html
import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NewType

from reasonmed.documents import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Html = NewType("Html", str)
"""Markup that this module or a plot made: the only text that goes into a page as it is."""

STYLE_FILE = Path(__file__).parent / "style.css"
"""The look of all pages, light and dark."""
SCRIPT_FILE = STYLE_FILE.with_name("find.js")
"""The search within a page."""
_MANY = 4
"""A page of more sections than this has a table of contents."""
_HEAD = "<h2>"
_NUMBER = re.compile(r"-?\d|-$")
"""A number, or a dash in the place of one."""
_BEGINNING = 160


def _escaped(text: str) -> str:
    return html.escape(visible(text))


def policy(style: str, script: str) -> str:
    """What a page of one file may do: its own style and script run, known by their hashes, and nothing is fetched."""
    style_hash, script_hash = (b64encode(sha256(text.encode()).digest()).decode() for text in (style, script))
    return (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; img-src data:; "
        "form-action 'none'; base-uri 'none'"
    )


def page(title: str, parts: Iterable[Html]) -> str:
    """A whole page: a heading, a search field, and sections, each of which begins with a heading."""
    style, script = (file.read_text(encoding="utf-8") for file in (STYLE_FILE, SCRIPT_FILE))
    before, sections = _sections(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(style, script)}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{_escaped(title)}</title><link rel="icon" href="data:,"><style>{style}</style></head>'
        f"<body><main><h1>{_escaped(title)}</h1>\n"
        + "\n".join([*before, finder("main details, main tbody tr", "entries"), *_contents(sections)])
        + "".join(_section(number, one) for number, one in enumerate(sections, 1))
        + f"\n</main><script>{script}</script></body></html>\n"
    )


def _sections(parts: Iterable[Html]) -> tuple[list[Html], list[list[Html]]]:
    """What comes before the first heading, and the sections."""
    before: list[Html] = []
    sections: list[list[Html]] = []
    for part in parts:
        if part.startswith(_HEAD):
            sections.append([part])
        else:
            (sections[-1] if sections else before).append(_wide("Plot", part) if part.startswith("<svg") else part)
    return before, sections


def _section(number: int, parts: list[Html]) -> str:
    return f'\n<section class=part id="part-{number}">' + "\n".join(parts) + "</section>"


def _contents(sections: Sequence[Sequence[Html]]) -> Iterator[Html]:
    if len(sections) <= _MANY:
        return
    links = "".join(
        f'<li><a href="#part-{number}">{heads.removeprefix(_HEAD).removesuffix("</h2>")}</a></li>'
        for number, (heads, *_) in enumerate(sections, 1)
    )
    yield Html(f'<nav class=contents aria-label="Contents"><ul>{links}</ul></nav>')


def finder(items: str, noun: str, labels: Mapping[str, str] = MappingProxyType({})) -> Html:
    """A search field for ``SCRIPT_FILE``, which nobody sees without it.

    Args:
        items: a selector of what is shown or hidden one by one.
        noun: what these are.
        labels: kinds of values that ``data-facets`` of an item gives, with the words for them; each is a filter.
    """
    kinds = html.escape(json.dumps(dict(labels)))
    return Html(
        f'<div class="finder row" role=search hidden data-items="{items}" data-noun="{noun}" data-labels="{kinds}">'
        "<label for=find-words>Search</label><input id=find-words class=grow type=search autocomplete=off "
        'placeholder="sepsis &quot;septic shock&quot; -child"><span class="filters row"></span>'
        "<span class=note role=status></span></div>"
    )


def heading(text: str) -> Html:
    """A heading of a section."""
    return Html(f"{_HEAD}{_escaped(text)}</h2>")


def paragraph(text: str, *, note: bool = False) -> Html:
    """A paragraph; a note is set in gray."""
    return Html(f"<p{' class=note' if note else ''}>{_escaped(text)}</p>")


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """A table; numbers are set to the right."""

    def cell(value: object, tag: str, number: bool) -> str:  # noqa: FBT001 - two places below
        return f"<{tag}{' class=number' if number else ''}>{_escaped(str(value))}</{tag}>"

    whole = [list(row) for row in rows]
    right = [bool(whole) and all(_is_number(row[place]) for row in whole) for place in range(len(columns))]
    head = "".join(cell(name, "th", number) for name, number in zip(columns, right, strict=True))
    lines = ("".join(cell(value, "td", number) for value, number in zip(row, right, strict=True)) for row in whole)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return _wide("Table", f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _is_number(value: object) -> bool:
    return _NUMBER.match(str(value)) is not None


def _wide(label: str, what: str) -> Html:
    """What may be wider than a narrow screen, and scrolls there."""
    return Html(f'<div class=scrolled role=group tabindex=0 aria-label="{_escaped(label)}">{what}</div>')


def details(summary: str, text: str, about: str = "") -> Html:
    """A text that opens on a click; ``about`` is shown beside its summary, cut where it is long."""
    said = f" <span class=about>{_escaped(beginning(about))}</span>" if about else ""
    return Html(f"<details><summary>{_escaped(summary)}{said}</summary><pre>{_escaped(text)}</pre></details>")


def beginning(text: str) -> str:
    """The beginning of a text on one line, such as a question's beside its id."""
    line = " ".join(text.split())
    return line if len(line) <= _BEGINNING else f"{line[: _BEGINNING - 1]}\N{HORIZONTAL ELLIPSIS}"
