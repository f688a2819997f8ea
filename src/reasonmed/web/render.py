"""Templates of pages, filled. Every text that is not a template's own is escaped here and nowhere else.

Texts of models, files and people go in as values: escaped for HTML, what a page would obey made visible, keys of
services concealed.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from jinja2 import ChainableUndefined, Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reasonmed import __version__
from reasonmed.documents import visible
from reasonmed.report import sankey, stacked, svg
from reasonmed.report.figures import duration, percent
from reasonmed.secrecy import conceal
from reasonmed.types import letter
from reasonmed.web.anchors import anchor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from reasonmed.report.page import Html
    from reasonmed.report.stacked import Part
    from reasonmed.report.svg import Tone
    from reasonmed.web.views import View

_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = re.compile(r'rel="stylesheet" href="/static/([\w.-]+)"')
_DOTS = re.compile(r"(?:\A|(?<=/))(?=~*\.{1,2}(?:/|\Z))")
_MARKED_DOTS = re.compile(r"(?:\A|(?<=/))~(?=~*\.{1,2}(?:/|\Z))")
"""A part of an address that is a dot or two, which a browser takes for a folder and resolves: it gets a tilde."""


def rendered(view: View) -> str:
    """A view as HTML."""
    return _environment().get_template(f"{view.template}.html.jinja").render(view.values)


def drawn(picture: Html) -> Markup:
    """A picture of ``report``, which escaped its own texts."""
    return Markup(picture)  # noqa: S704 - report escaped it


def rendered_in_file(view: View) -> Markup:
    """The part of a view that is not the frame around it, for a file that holds several; its links are anchors.

    What only a served page gives a template is empty.
    """
    return Markup(_in_file().get_template(f"{view.template}.html.jinja").render(view.values))  # noqa: S704 - escaped


def styles_of(view: View) -> list[str]:
    """The style sheets that the page of a view links to, beside the one of all pages."""
    return _STYLE.findall((_TEMPLATES / f"{view.template}.html.jinja").read_text(encoding="utf-8"))


def streamed(template: str, values: Mapping[str, object]) -> Iterator[str]:
    """A file's text, piece by piece."""
    return _in_file().get_template(f"{template}.html.jinja").generate(values)


@cache
def _in_file() -> Environment:
    """As for pages; a template in ``templates/file`` takes the place of the one of its name."""
    loader = FileSystemLoader([_TEMPLATES / "file", _TEMPLATES])
    made = _environment().overlay(loader=loader, undefined=ChainableUndefined)
    made.globals = {**made.globals, "address": anchor}
    return made


@cache
def _environment() -> Environment:
    made = Environment(
        autoescape=True,
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(letter=letter, path=path_of, number=_number, duration=duration, percent=_percent)
    made.globals.update(version=__version__, address=address, flow_chart=_flow, bar=_bar, swatch=_swatch)
    return made


def _shown(value: object) -> object:
    return visible(conceal(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


def path_of(text: str) -> str:
    """A text, such as an id, as a part of an address."""
    return quote(_DOTS.sub("~", text), safe="/")


def text_of(path: str) -> str:
    """The text that ``path_of`` made a part of an address of, once a server has decoded it."""
    return _MARKED_DOTS.sub("", path)


def _number(value: float | None, places: int = 0) -> str:
    return "-" if value is None else f"{value:,.{places}f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else percent(share, 0)


def _flow(chart: sankey.Sankey, frame: Sequence[tuple[str, str]]) -> Markup:
    """A flow whose nodes lead to the list of questions; ``frame`` is part of each address."""
    return drawn(sankey.drawn(chart, lambda asked: address("/questions", [*frame, *asked])))


def _bar(parts: Sequence[Part], whole: float) -> Markup:
    return drawn(stacked.stacked(parts, whole))


def _swatch(tone: Tone) -> Markup:
    return drawn(svg.swatch(tone))


def address(path: str, values: Iterable[tuple[str, object]] = ()) -> str:
    """An address of a page, with what it is asked; empty values are left out."""
    asked = urlencode([(name, value) for name, value in values if value not in ("", None)])
    return f"{path}?{asked}" if asked else path
