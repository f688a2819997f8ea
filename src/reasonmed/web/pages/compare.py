"""``/compare``: two runs side by side, changed questions first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from reasonmed.web.pages.shell import page
from reasonmed.web.views import View

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def compare(request: Request) -> Response:
    """The list of changed questions."""
    return page(request, View("problem", {"title": "Compare", "problem": "two runs must be open"}))


ROUTES = [Route("/compare", compare)]
