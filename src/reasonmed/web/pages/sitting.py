"""What the addresses of a review have in common: who sits before which queue of which run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from reasonmed.runs.reviews import standing
from reasonmed.web.pages.questions import wanted_in
from reasonmed.web.pages.shell import page, shown_in
from reasonmed.web.render import address
from reasonmed.web.reviewing import ballot as forms
from reasonmed.web.reviewing.asked import COOKIE, asked_in, reviewers_in
from reasonmed.web.reviewing.reviewed import last_of, own_in, time_of
from reasonmed.web.views.review import Ballot, Frame, ballot_view

if TYPE_CHECKING:
    from starlette.requests import Request

    from reasonmed.runs.reviews import Queued, Target, Vote
    from reasonmed.web.library import Shown
    from reasonmed.web.reviewing.asked import Asked, Reviewer
    from reasonmed.web.reviewing.queues import Building
    from reasonmed.web.reviewing.reviewed import Reviewed

_MOST_CHOSEN = 2_000
"""Questions of a filter that make a queue."""


class Sitting(NamedTuple):
    """A reviewer before a run: what the address asks for, and the queue or how far it is."""

    shown: Shown
    reviewed: Reviewed
    reviewer: Reviewer
    asked: Asked
    building: Building | None

    @property
    def queue(self) -> list[Queued]:
        """The queue, where it is there."""
        return (self.building.queue if self.building else None) or []

    @property
    def waits(self) -> bool:
        """Whether the queue is not there yet."""
        return self.building is not None and self.building.queue is None

    def queued(self, target: str) -> Queued | None:
        """A text's place in the queue."""
        return next((one for one in self.queue if one.target == target), None)

    def frame(self) -> Frame:
        """What every page has."""
        last = last_of(self.reviewed.votes(), self.reviewer.name)
        return Frame(self.reviewer, self.asked.pairs, last, time_of(last))

    def go(self, **more: str) -> Response:
        """To another page of the same queue."""
        return RedirectResponse(address("/review", [*self.asked.pairs, *more.items()]), 303)


def run_in(request: Request) -> tuple[Shown, Reviewed]:
    """The run that is reviewed.

    Raises:
        HTTPException: what is open is no run.
    """
    shown = shown_in(request)
    if shown.reviewed is None:
        raise HTTPException(404, f"{shown.name} is no run: only what a run made is reviewed")
    return shown, shown.reviewed


def sitting_in(request: Request) -> Sitting | None:
    """Who sits before which queue; None where nobody has said their name.

    Raises:
        HTTPException: the queue cannot be built.
    """
    shown, reviewed = run_in(request)
    asked = asked_in(request.query_params, reviewers_in(request.cookies.get(COOKIE, "")))
    if asked.reviewer is None:
        return None
    building = None
    if asked.wanted is not None:
        meant = wanted_in(request.query_params)
        building = reviewed.queue(
            asked.wanted, asked.filter, lambda: shown.index.ids(meant, shown.others(), _MOST_CHOSEN)
        )
        if building.problem is not None:
            raise HTTPException(500, building.problem)
    return Sitting(shown, reviewed, asked.reviewer, asked, building)


def blank(sitting: Sitting, target: Target) -> Ballot:
    """The form for a text, filled in with what its reviewer wrote of it before."""
    with sitting.reviewed.reading() as kept:
        draft = forms.draft_in(kept.draft(target.id, sitting.reviewer.name))
        history = kept.history(target.id)
    own = own_in(history, sitting.reviewer.name)
    place, total, deferred = _place(sitting, target.id)
    ballot = Ballot(target, {}, place, total, deferred, since=time_of(own))
    if draft is not None and draft.hash != target.hash:
        said = "This text, its question or its key has changed since you wrote what is below."
        return ballot._replace(typed=forms.without_places(draft.fields), former=forms.former(draft.fields), said=said)
    if draft is not None:
        return ballot._replace(typed=draft.fields, said=_notice(own, target, history, sitting))
    typed = forms.typed_of(own, target) if own else {}
    if own is not None and own.text_hash != target.hash:
        typed = forms.without_places(typed)
    return ballot._replace(typed=typed, said=_notice(own, target, history, sitting))


def _place(sitting: Sitting, name: str) -> tuple[int, int, int]:
    found = standing(sitting.queue, sitting.reviewed.votes(), sitting.reviewer.name)
    is_left = any(one.target == name for one in found.left)
    return found.done + 1 if is_left else 0, len(sitting.queue), found.deferred


def _notice(own: Vote | None, target: Target, history: list[tuple[Vote, float | None]], sitting: Sitting) -> str:
    """What a reviewer should know of their own earlier votes on a text."""
    mine = [vote for vote, _ in history if vote.reviewer == sitting.reviewer.name and vote.decision != "defer"]
    if own is None:
        return "You have seen the judge's verdict on this text: your first vote stays in its history." if mine else ""
    if own.text_hash != target.hash:
        return "You voted on an older version: this text, its question or its key has changed since."
    if own.decision == "defer":
        return "You deferred this text."
    queued = sitting.queued(target.id)
    if queued is not None and queued.drawn == "audit" != own.drawn:
        return "You judged this text before it was drawn at random: your vote is filled in, cast it again or change it."
    return "You have voted on this text: a new vote takes that one's place."


def form_page(request: Request, sitting: Sitting, ballot: Ballot, *, status: int = 200) -> Response:
    """A text with the form."""
    return page(request, ballot_view(sitting.frame(), ballot), status=status)
