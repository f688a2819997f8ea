"""Writes of a review: votes, drafts, votes taken back. Whatever is refused comes back with all that was typed."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from reasonmed.errors import ReasonMedError
from reasonmed.web.guard import form_of
from reasonmed.web.pages.shell import page
from reasonmed.web.pages.sitting import blank, form_page, sitting_in
from reasonmed.web.reviewing import ballot as forms
from reasonmed.web.reviewing.reviewed import time_of
from reasonmed.web.views.review import gone_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from reasonmed.runs.reviews import Target
    from reasonmed.web.pages.sitting import Sitting

_LONGEST_DRAFT = 1 << 20
_CHANGED = (
    "Nothing was cast: this text, its question or its key has changed since the page was made. Read it again. What you "
    "wrote is kept below; marks on steps and an edited version belonged to the older text."
)
_WAITS = "Nothing was cast: the queue is being read again. Cast the vote once more in a moment."
_VOTED = "You have voted on this text since this page was made. Cast this vote again to put it in that one's place."


async def vote(request: Request) -> Response:
    """Cast a vote."""
    return await run_in_threadpool(_vote, request, await form_of(request))


async def draft(request: Request) -> Response:
    """Keep what was typed so far."""
    return await run_in_threadpool(_draft, request, await form_of(request))


async def undo(request: Request) -> Response:
    """Take the last vote back."""
    return await run_in_threadpool(_undo, request, await form_of(request))


def _vote(request: Request, form: Mapping[str, str]) -> Response:
    sitting = _seated(request)
    typed, name = forms.typed_in(form), form.get("target", "")
    found = sitting.reviewed.target(name)
    if found is None:
        return page(request, gone_view(sitting.frame(), name, typed), status=HTTPStatus.CONFLICT)
    if form.get("hash") != found[1].hash:
        return _moved_on(request, sitting, found[1], typed)
    return _cast(request, sitting, found[1], typed, form.get("since", ""))


def _cast(request: Request, sitting: Sitting, target: Target, typed: forms.Typed, since: str) -> Response:
    def refused(status: HTTPStatus, said: str, field: str = "", *, now: str = since) -> Response:
        ballot = blank(sitting, target)._replace(typed=typed, problem=said, field=field, since=now, said="")
        return form_page(request, sitting, ballot, status=status)

    if sitting.waits:
        return refused(HTTPStatus.SERVICE_UNAVAILABLE, _WAITS)
    queued = sitting.queued(target.id)
    cast = forms.Cast(sitting.reviewer, time.time(), queued.drawn if queued else "chosen")
    try:
        before = sitting.reviewed.cast(forms.vote_of(typed, target, cast), since)
    except forms.Unfit as problem:
        return refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(problem), problem.field)
    except ReasonMedError as problem:
        return refused(HTTPStatus.INTERNAL_SERVER_ERROR, f"The vote was not kept: {problem}")
    if before is not None:
        return refused(HTTPStatus.CONFLICT, _VOTED, now=time_of(before))
    return sitting.go(**({} if typed["decision"] == "defer" else {"done": target.id}))


def _seated(request: Request) -> Sitting:
    found = sitting_in(request)
    if found is None:
        raise HTTPException(
            400, "nothing was kept, since nobody has said their name: go back, and give it under Review"
        )
    return found


def _moved_on(request: Request, sitting: Sitting, target: Target, typed: forms.Typed) -> Response:
    """The form for the text as it is now, with what can be taken over."""
    ballot = blank(sitting, target)
    former = forms.former(typed) or ballot.former
    ballot = ballot._replace(typed=forms.without_places(typed), former=former, problem=_CHANGED, said="")
    return form_page(request, sitting, ballot, status=HTTPStatus.CONFLICT)


def _draft(request: Request, form: Mapping[str, str]) -> Response:
    sitting = _seated(request)
    content = forms.draft_of(form.get("hash", ""), forms.typed_in(form))
    if len(content) > _LONGEST_DRAFT:
        return PlainTextResponse("it is too long to be kept before it is cast", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    found = sitting.reviewed.target(form.get("target", ""))
    if found is None:
        return PlainTextResponse("the run no longer has this text", HTTPStatus.CONFLICT)
    try:
        with sitting.reviewed.writing() as kept:
            kept.keep_draft(found[1].id, sitting.reviewer.name, content)
    except ReasonMedError as problem:
        return PlainTextResponse(str(problem), HTTPStatus.INTERNAL_SERVER_ERROR)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _undo(request: Request, form: Mapping[str, str]) -> Response:
    sitting = _seated(request)
    target = form.get("target", "")
    taken = sitting.reviewed.take_back(sitting.reviewer.name, target, form.get("since", ""), time.time())
    if taken is None:
        raise HTTPException(
            HTTPStatus.CONFLICT, "nothing was taken back: this is not your last vote any more; see under Review"
        )
    return sitting.go(at=target)


ROUTES = [
    Route("/review", vote, methods=["POST"]),
    Route("/review/draft", draft, methods=["POST"]),
    Route("/review/undo", undo, methods=["POST"]),
]
