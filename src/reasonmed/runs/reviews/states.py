"""What the votes on a text come to, in one word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.runs.reviews.votes import Vote

State = Literal["accepted", "rejected", "edited", "deferred", "disputed", "stale", "none"]
STATES: tuple[str, ...] = get_args(State)
_DECIDED: dict[str, State] = {"accept": "accepted", "reject": "rejected", "edit": "edited"}


def state_of(votes: Iterable[Vote], text_hash: str) -> State:
    """What the reviewers' last votes on a text say of it as it is now.

    ``disputed`` where their decisions differ; a reviewer who deferred has not decided. ``stale`` where all votes are on
    a text, question or key that has changed since; else these votes do not count.
    """
    given = list(votes)
    valid = [vote.decision for vote in given if vote.text_hash == text_hash]
    decided = {decision for decision in valid if decision != "defer"}
    if len(decided) > 1:
        return "disputed"
    if decided:
        return _DECIDED[decided.pop()]
    return "deferred" if valid else "stale" if given else "none"


def disputed(votes: Iterable[Vote], text_hash: str) -> bool:
    """Whether reviewers disagree on a text as it is now."""
    return state_of(votes, text_hash) == "disputed"
