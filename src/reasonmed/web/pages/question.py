"""``/question/ID``: everything about one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route

from reasonmed.web.pages.shell import library_of, page, shown_in
from reasonmed.web.views.findings import findings_shown

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def question(request: Request) -> Response:
    """The page of one question."""
    shown = shown_in(request)
    name = request.path_params["name"]
    view = shown.source.question(name)
    if view is None:
        raise HTTPException(404, f"{shown.name} has no question {name!r:.200}")
    found = findings_shown(library_of(request).findings.of(name))
    return page(request, view._replace(values={"findings": found, **view.values}))


ROUTES = [Route("/question/{name:path}", question)]
