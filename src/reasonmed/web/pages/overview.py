"""``/``: what is open, and where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from reasonmed.web.pages.shell import page, shown_in

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def overview(request: Request) -> Response:
    """The first page."""
    shown = shown_in(request)
    return page(request, shown.source.overview(dict(shown.index.state.tallies)))


ROUTES = [Route("/", overview)]
