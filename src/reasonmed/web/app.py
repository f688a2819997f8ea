"""The viewer as an application: pages at fixed addresses, each of them made here and whole without JavaScript."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from reasonmed.errors import ReasonMedError
from reasonmed.report.page import STYLE_FILE
from reasonmed.web.guard import Guard
from reasonmed.web.pages import compare, overview, question, questions, review
from reasonmed.web.pages.shell import page
from reasonmed.web.views import View

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from reasonmed.web.library import Library

_STATIC = Path(__file__).parent / "static"
_PAGES = (overview, questions, question, compare, review)


def application(library: Library, port: int, key: str) -> Guard:
    """All pages over what is open, guarded."""
    routes = [route for module in _PAGES for route in module.ROUTES]
    app = Starlette(
        routes=[*routes, Mount("/static", StaticFiles(directory=_STATIC), name="static")],
        exception_handlers={HTTPException: _refused, ReasonMedError: _failed},
    )
    app.state.library = library
    app.add_route("/style.css", _style)
    return Guard(app, port, key)


async def _style(_: Request) -> Response:
    return PlainTextResponse(STYLE_FILE.read_text(encoding="utf-8"), media_type="text/css")


async def _refused(request: Request, error: Exception) -> HTMLResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    said = error.detail if isinstance(error, HTTPException) else str(error)
    return page(request, View("problem", {"title": f"{status}", "problem": said}), status=status)


async def _failed(request: Request, error: Exception) -> HTMLResponse:
    """What a page cannot show, because a file is not what it must be."""
    return page(request, View("problem", {"title": "This cannot be shown", "problem": str(error)}), status=500)
