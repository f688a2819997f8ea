"""What reviewers said of a text, as pages show it: ``votes.html.jinja`` has the part that shows it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.parsing.step_labels import TYPES
from reasonmed.web.views.diff import word_diff

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.runs.reviews import Target, Vote
    from reasonmed.web.views.diff import Part

DECIDED = {"accept": "accepted", "reject": "rejected", "edit": "edited", "defer": "deferred"}
DRAWN = {
    "audit": "drawn at random",
    "disagreement": "asked for disagreement",
    "uncertain": "asked because the judge was not sure",
    "chosen": "chosen",
}

_LAST = datetime.max.replace(tzinfo=UTC).timestamp() - 1


class Marked(NamedTuple):
    """A step that a reviewer marked as faulty."""

    words: str
    type: str
    note: str


class Said(NamedTuple):
    """One vote on a text. ``stale`` says that the text, its question or the key has changed since."""

    reviewer: str
    role: str
    decision: str
    at: str
    drawn: str
    stale: bool
    taken_back: bool
    error_type: str
    reason: str
    note: str
    on_the_question: list[str]
    marked: list[Marked]
    changes: dict[str, list[Part]]
    """What an edit changed: in the ``text``, in the ``response``."""


def reviews_of(target: Target, history: Iterable[tuple[Vote, float | None]]) -> list[Said]:
    """The votes on a text, as ``Reviews.history`` has them."""
    return [said_of(target, vote, taken_back=taken_back is not None) for vote, taken_back in history]


def said_of(target: Target, vote: Vote, *, taken_back: bool = False) -> Said:
    """A vote, in words."""
    stale = vote.text_hash != target.hash
    parts = {"text": (target.text, vote.text), "response": (target.response, vote.response)}
    return Said(
        reviewer=vote.reviewer,
        role=vote.role,
        decision=DECIDED[vote.decision],
        at=_time(vote.at),
        drawn=DRAWN[vote.drawn],
        stale=stale,
        taken_back=taken_back,
        error_type=named(vote.error_type),
        reason=vote.reason,
        note=vote.note,
        on_the_question=_on_the_question(vote),
        marked=[
            Marked("" if stale else target.text[one.start : one.end].strip(), named(one.type), one.note)
            for one in vote.faults
        ],
        changes={
            part: word_diff(old, new)
            for part, (old, new) in parts.items()
            if old is not None and new is not None and not stale
        },
    )


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" if 0 <= at < _LAST else "at no time that can be"


def named(kind: str | None) -> str:
    """A type of error in words."""
    return (kind or "").replace("_", " ")


def kinds() -> list[tuple[str, str, str]]:
    """The types of error: as they are kept, in words, and what they mean."""
    return [(name, named(name), meaning) for name, meaning in TYPES.items()]


def _on_the_question(vote: Vote) -> list[str]:
    key = f"the key is wrong{f', {vote.key} is right' if vote.key else ''}" if vote.key_is_wrong else ""
    return [words for words in (key, "ambiguous" if vote.ambiguous else "") if words]
