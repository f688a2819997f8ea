"""``/``: what is open, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from reasonmed.web.index import Wanted
from reasonmed.web.pages.shell import page, shown_in

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from reasonmed.web.index import Line
    from reasonmed.web.library import Shown

_EXAMPLES, _REASONS = 3, 20


def overview(request: Request) -> Response:
    """The first page."""
    shown = shown_in(request)
    state = shown.index.state
    view = shown.source.overview(dict(state.tallies))
    return page(request, view._replace(values={**view.values, "indexed": state.size, "examples": _examples(shown)}))


def _examples(shown: Shown) -> dict[str, list[Line]]:
    """The first questions that failed for each reason."""
    reasons = sorted(shown.index.state.facets.get("failure", {}))[:_REASONS]
    found = {reason: shown.index.find(Wanted(chosen={"failure": (reason,)}), {}) for reason in reasons}
    return {reason: one.lines[:_EXAMPLES] for reason, one in found.items()}


ROUTES = [Route("/", overview)]
