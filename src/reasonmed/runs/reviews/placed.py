"""Votes beside the texts that they are about, as the run has these now."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.questions.ids import question_of
from reasonmed.runs.reviews.targets import targets_of
from reasonmed.runs.stories import unpack_story

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.reviews.targets import Target
    from reasonmed.runs.reviews.votes import Vote


class Placed(NamedTuple):
    """A vote, and its text as it is now; None where the run has it no more."""

    vote: Vote
    target: Target | None

    @property
    def stale(self) -> bool:
        """Whether the vote is not about what is there now."""
        return self.target is None or self.target.hash != self.vote.text_hash

    @property
    def judged(self) -> str:
        """What the judge said of the text: its outcome, ``conflict``, ``unjudged``, or nothing where it is gone."""
        return "" if self.target is None else judged(self.target)


def judged(target: Target) -> str:
    """What the judge said of a text, in one word."""
    if target.verdict is None:
        return "unjudged"
    return "conflict" if target.verdict.conflict else target.verdict.outcome


def placed(ledger: Ledger, votes: Iterable[Vote]) -> list[Placed]:
    """Each vote with its text."""
    given = list(votes)
    texts = texts_in(ledger, {vote.target for vote in given})
    return [Placed(vote, texts.get(vote.target)) for vote in given]


def texts_in(ledger: Ledger, names: Iterable[str]) -> dict[str, Target]:
    """Those of these texts that are in finished questions of the run, by their ids; each story is read once."""
    found: dict[str, Target] = {}
    for question, group in groupby(sorted(names, key=question_of), question_of):
        wanted = frozenset(group)
        story = ledger.outcome(question, unpack_story) if question else None
        if story is not None:
            found.update((one.id, one) for one in targets_of(story) if one.id in wanted)
    return found
