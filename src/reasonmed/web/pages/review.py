"""``/review``: who reviews, which queue, then one text after the other, blind until the vote."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from reasonmed.runs.reviews import standing
from reasonmed.web.guard import form_of
from reasonmed.web.pages.questions import wanted_in
from reasonmed.web.pages.shell import page
from reasonmed.web.pages.sitting import blank, form_page, run_in, sitting_in
from reasonmed.web.pages.voting import ROUTES as WRITES
from reasonmed.web.render import address
from reasonmed.web.reviewing.asked import (
    COOKIE,
    LONGEST_NAME,
    Reviewer,
    asked_in,
    cookie_of,
    name_in,
    reviewers_in,
    spelled,
)
from reasonmed.web.reviewing.reviewed import own_in
from reasonmed.web.views.review import cast_view, end_view, start_view, wait_view, who_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from reasonmed.runs.reviews import Target
    from reasonmed.types import Story
    from reasonmed.web.pages.sitting import Sitting

_AGAIN = {"Refresh": "2"}
_YEAR = 365 * 24 * 3600


def review(request: Request) -> Response:
    """The queue's next text, or the one that the address names, or where to begin."""
    sitting = sitting_in(request)
    if sitting is None:
        return who(request)
    if sitting.waits and sitting.building is not None:
        waiting = page(request, wait_view(sitting.frame(), sitting.building.done, sitting.building.total))
        waiting.headers.update(_AGAIN)
        return waiting
    done = request.query_params.get("done")
    name = done or request.query_params.get("at") or _next(sitting)
    if not name:
        return _end(request, sitting) if sitting.building else _start(request, sitting)
    found = sitting.reviewed.target(name)
    if found is None:
        raise HTTPException(
            404, f"{sitting.shown.name} has no text {name!r:.200}: go on with the next one under Review"
        )
    cast = _cast(request, sitting, found) if done else None
    return cast or form_page(request, sitting, blank(sitting, found[1]))


def _next(sitting: Sitting) -> str:
    left = standing(sitting.queue, sitting.reviewed.votes(), sitting.reviewer.name).left
    return left[0].target if left else ""


def _cast(request: Request, sitting: Sitting, found: tuple[Story, Target]) -> Response | None:
    """A text with all that was hidden; None for whoever has not decided on it as it is."""
    story, target = found
    with sitting.reviewed.reading() as kept:
        history = kept.history(target.id)
    own = own_in(history, sitting.reviewer.name)
    if own is None or own.decision == "defer" or own.text_hash != target.hash:
        return None
    with closing(sitting.reviewed.run.reader()) as ledger:
        scored = next((one for one in ledger.scores_of(story.question.id) if one.record == target.id), None)
    stands = standing(sitting.queue, sitting.reviewed.votes(), sitting.reviewer.name)
    return page(request, cast_view(sitting.frame(), stands, found, history, scored))


def _start(request: Request, sitting: Sitting) -> Response:
    index, asked = sitting.shown.index, sitting.asked
    filtered = index.find(wanted_in(request.query_params), sitting.shown.others()).total if asked.filter else None
    own = sum(vote.reviewer == sitting.reviewer.name for vote in sitting.reviewed.votes())
    return page(request, start_view(sitting.frame(), filtered, asked.filter, own))


def _end(request: Request, sitting: Sitting) -> Response:
    path = str(sitting.shown.source.path)
    return page(request, end_view(sitting.frame(), sitting.queue, sitting.reviewed.votes(), path))


def who(request: Request) -> Response:
    """Asks for a name and a role."""
    asked = asked_in(request.query_params, [])
    return page(request, who_view(_known(request), asked.pairs))


def _known(request: Request) -> list[Reviewer]:
    """The reviewers of this browser, then those who voted on this run."""
    found = reviewers_in(request.cookies.get(COOKIE, ""))
    names = {one.name for one in found}
    votes = run_in(request)[1].votes()
    voted = {vote.reviewer: vote.role for vote in votes if vote.reviewer not in names}
    return [*found, *(Reviewer(*one) for one in sorted(voted.items()))]


async def introduce(request: Request) -> Response:
    """Take a name and a role."""
    return await run_in_threadpool(_introduce, request, await form_of(request))


def _introduce(request: Request, form: Mapping[str, str]) -> Response:
    known = _known(request)
    typed, role = form.get("name", ""), form.get("role", "")
    name = name_in(typed)
    pairs = [pair for pair in asked_in(request.query_params, []).pairs if pair[0] != "reviewer"]
    if name is None or (role.strip() and name_in(role) is None):
        said = f"Give a name of 1 to {LONGEST_NAME} characters; a role may be as long."
        return page(request, who_view(known, pairs, said, typed, role), status=422)
    reviewer = Reviewer(spelled(name, [one.name for one in known]), name_in(role) or "")
    answer = RedirectResponse(address("/review", [*pairs, ("reviewer", reviewer.name)]), 303)
    cookie = cookie_of(reviewer, reviewers_in(request.cookies.get(COOKIE, "")))
    answer.set_cookie(COOKIE, cookie, max_age=_YEAR, httponly=True, samesite="strict")
    return answer


ROUTES = [
    Route("/review", review, methods=["GET"]),
    Route("/review/who", who, methods=["GET"]),
    Route("/review/who", introduce, methods=["POST"]),
    *WRITES,
]
