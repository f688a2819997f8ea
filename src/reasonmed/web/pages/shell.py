"""What all pages have: which of the open folders is meant, and the frame around a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from reasonmed.web.render import rendered

if TYPE_CHECKING:
    from starlette.requests import Request

    from reasonmed.web.library import Library, Shown
    from reasonmed.web.views import View


PAGES = (("/", "Overview"), ("/questions", "Questions"), ("/compare", "Compare"), ("/review", "Review"))
"""What the bar of every page leads to."""


def library_of(request: Request) -> Library:
    """What is open."""
    found: Library = request.app.state.library
    return found


def shown_in(request: Request) -> Shown:
    """The folder that an address means by ``run=``; the first one where it names none.

    Raises:
        HTTPException: no folder of this name is open.
    """
    name = request.query_params.get("run")
    found = library_of(request).find(name)
    if found is None:
        names = ", ".join(one.name for one in library_of(request).shown)
        raise HTTPException(404, f"no folder {name!r:.100} is open; there are: {names}")
    return found


def page(request: Request, view: View, *, status: int = 200) -> HTMLResponse:
    """A whole page."""
    library = library_of(request)
    shown = library.find(request.query_params.get("run")) or library.shown[0]
    frame = {
        "token": request.state.token,
        "shown": shown,
        "library": library,
        "pages": PAGES,
        "here": request.url.path,
        "progress": shown.index.progress,
        "problem_of_index": library.problem,
    }
    return HTMLResponse(rendered(view._replace(values={**frame, **view.values})), status)
