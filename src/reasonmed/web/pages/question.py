"""``/question/ID``: everything about one question; ``/calls/ID``: every call that was made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.routing import Route

from reasonmed.runs.reviews import targets_of
from reasonmed.web.pages.questions import pairs_of, wanted_in
from reasonmed.web.pages.shell import library_of, page, shown_in
from reasonmed.web.render import address, path_of
from reasonmed.web.sources import RunSource
from reasonmed.web.views.findings import findings_shown
from reasonmed.web.views.votes import reviews_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from reasonmed.web.library import Shown
    from reasonmed.web.views.votes import Said


def question(request: Request) -> Response:
    """The page of one question; what its address asks besides is the list that it was found in."""
    shown = shown_in(request)
    name = request.path_params["name"]
    view = shown.source.question(name)
    if view is None:
        raise _unknown(shown, name)
    found = findings_shown(library_of(request).findings.of(name))
    more = {"findings": found, "votes": _votes(shown, name), **_around(request, shown, name)}
    return page(request, view._replace(values={**view.values, **more}))


def calls(request: Request) -> Response:
    """Every call of a question, with prompt and reply."""
    shown = shown_in(request)
    name = request.path_params["name"]
    if not isinstance(shown.source, RunSource):
        raise HTTPException(404, f"{shown.name} keeps no calls; only a run does")
    view = shown.source.calls(name)
    if view is None:
        raise _unknown(shown, name)
    back = address(f"/question/{path_of(name)}", [("run", shown.name)])
    return page(request, view._replace(values={**view.values, "back": back}))


def _votes(shown: Shown, name: str) -> dict[str, list[Said]]:
    """What reviewers said of each text of a question, by the text's id."""
    if shown.reviewed is None or not isinstance(shown.source, RunSource):
        return {}
    story = shown.source.story(name)
    with shown.reviewed.reading() as kept:
        said = {one.id: reviews_of(one, kept.history(one.id)) for one in (targets_of(story) if story else ())}
    return {target: votes for target, votes in said.items() if votes}


def _around(request: Request, shown: Shown, name: str) -> dict[str, object]:
    """The ways to the questions beside this one, back to the list, and to this one alone."""
    wanted = wanted_in(request.query_params)
    pairs, run = pairs_of(shown, wanted), [("run", shown.name)]
    beside = shown.index.neighbors(wanted, shown.others()[0], name)
    before, after = ("", "") if beside is None else (beside.before, beside.after)
    return {
        "beside": beside,
        "earlier": address(f"/question/{path_of(before)}", pairs) if before else "",
        "later": address(f"/question/{path_of(after)}", pairs) if after else "",
        "asked_for": bool(wanted.text or wanted.chosen or wanted.sort),
        "list": address("/questions", pairs),
        "permalink": address(f"/question/{path_of(name)}", run),
        "calls_link": address(f"/calls/{path_of(name)}", run),
    }


def _unknown(shown: Shown, name: str) -> HTTPException:
    return HTTPException(404, f"{shown.name} has no question {name!r:.200}")


ROUTES = [Route("/question/{name:id}", question), Route("/calls/{name:id}", calls)]
