"""``/questions``: the list, with words to search for, filters with counts, and an order; the address keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from reasonmed.web.index import FACETS, SORTS, Wanted
from reasonmed.web.index.words import COLUMNS, parts_of, terms_of
from reasonmed.web.pages.shell import page, shown_in
from reasonmed.web.render import address
from reasonmed.web.views import View

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.requests import Request
    from starlette.responses import Response

    from reasonmed.web.index import Found
    from reasonmed.web.library import Shown

_LONGEST, _MOST_PAGES = 500, 10_000_000
_SHOWN, _MOST = 12, 200
"""Values of a filter that are shown at once, and with all others unfolded; the chosen ones always are."""
_MOST_CHOSEN = 50


def wanted_in(asked: QueryParams) -> Wanted:
    """What an address asks for; what it asks wrongly is left out."""
    values = {facet: tuple(dict.fromkeys(filter(None, asked.getlist(facet))))[:_MOST_CHOSEN] for facet in FACETS}
    chosen = {facet: some for facet, some in values.items() if some}
    sort = asked.get("sort", "")
    text = asked.get("q", "")[:_LONGEST]
    within = asked.get("in", "")
    return Wanted(text, within if within in COLUMNS else "", chosen, sort if sort in SORTS else "", page_number(asked))


def page_number(asked: QueryParams) -> int:
    """The page that an address asks for; the first one where it asks wrongly."""
    number = asked.get("page", "1")
    is_number = number.isascii() and number.isdigit() and len(number) < len(str(_MOST_PAGES))
    return max(1, int(number)) if is_number else 1


def pairs_of(shown: Shown, wanted: Wanted) -> list[tuple[str, object]]:
    """A question to the index as an address asks it, without the page."""
    pairs: list[tuple[str, object]] = [("run", shown.name), ("q", wanted.text), ("in", wanted.within)]
    pairs += [(facet, value) for facet, values in wanted.chosen.items() for value in values]
    return [*pairs, ("sort", wanted.sort)]


def questions(request: Request) -> Response:
    """The list."""
    shown = shown_in(request)
    wanted = wanted_in(request.query_params)
    others, unread = shown.others()
    found = shown.index.find(wanted, others)
    terms = terms_of(wanted.text).within
    pairs = pairs_of(shown, wanted)
    values = {
        "title": "Questions",
        "problem_of_votes": unread,
        "wanted": wanted,
        "found": found,
        "filters": _filters(found, wanted),
        "stems": {line.row: parts_of(line.stem, terms) for line in found.lines},
        "sorts": {name: words for name, (words, _) in SORTS.items()},
        "pairs": pairs,
        "earlier": address("/questions", [*pairs, ("page", found.page - 1)]) if found.page > 1 else "",
        "later": address("/questions", [*pairs, ("page", found.page + 1)]) if found.page < found.pages else "",
    }
    return page(request, View("questions", values))


def _filters(found: Found, wanted: Wanted) -> list[dict[str, object]]:
    """Each facet with its values, the most frequent first; those without any question only where they are chosen."""
    filters: list[dict[str, object]] = []
    for facet, label in FACETS.items():
        chosen = wanted.chosen.get(facet, ())
        counts = {**dict.fromkeys(chosen, 0), **found.counts.get(facet, {})}
        values = sorted(
            ((value, count) for value, count in counts.items() if count or value in chosen),
            key=lambda one: (one[0] not in chosen, -one[1], one[0]),
        )
        if values:
            shown = max(_SHOWN, len(chosen))
            parts = {"values": values[:shown], "more": values[shown:_MOST], "left": max(0, len(values) - _MOST)}
            filters.append({"facet": facet, "label": label, "chosen": chosen, **parts})
    return filters


ROUTES = [Route("/questions", questions)]
