"""What the reviewers of a run together say of its texts: the majority of those who decided, on the very text.

A vote on a text that has changed since is *stale*, and one on a text that the run no longer has is *gone*. Neither
counts, nor does a deferred one. Where as many call a text right as wrong, it is *tied* and has no ruling.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.questions.ids import question_of
from reasonmed.runs.reviews.store import FILE, Reviews
from reasonmed.runs.reviews.targets import targets_of
from reasonmed.runs.stories import unpack_story

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.reviews.targets import Target
    from reasonmed.runs.reviews.votes import Vote
    from reasonmed.types import Story


class Ruling(NamedTuple):
    """A text with the votes on it that count, in the order of time."""

    target: Target
    story: Story
    votes: tuple[Vote, ...]
    at_random: bool
    """Whether somebody got it by a random draw, so that it speaks for the others too."""

    @property
    def right(self) -> bool:
        """Whether most reviewers call it right as it is."""
        return _balance(self.target, self.votes) > 0

    @property
    def question(self) -> str:
        """The id of its question."""
        return self.target.question.id

    @property
    def outcome(self) -> str:
        """What the judge said of it in the run; ``unjudged`` where it said nothing."""
        return self.target.verdict.outcome if self.target.verdict else "unjudged"


class Asked(NamedTuple):
    """A question under review: its story, and all votes on its texts as they are, also those that decide nothing."""

    story: Story
    votes: tuple[Vote, ...]


class Rulings(NamedTuple):
    """The rulings of a run, and the votes and texts that have none."""

    texts: tuple[Ruling, ...]
    tied: tuple[Ruling, ...]
    """Texts that as many reviewers call right as wrong."""
    asked: tuple[Asked, ...]
    votes: tuple[Vote, ...]
    """All that were cast and not taken back."""
    stale: tuple[Vote, ...]
    gone: tuple[Vote, ...]

    @property
    def deferred(self) -> int:
        """Votes on a text as it is that decide nothing."""
        return sum(vote.says_right is None for one in self.asked for vote in one.votes)

    @property
    def roles(self) -> dict[str, int]:
        """The reviewers whose votes count, by their role; one without a role is ``unnamed role``."""
        counted = [vote for one in (*self.texts, *self.tied) for vote in one.votes]
        last = {vote.reviewer: " ".join(vote.role.split()) or "unnamed role" for vote in counted}
        return dict(sorted(Counter(last.values()).items()))


def rulings_in(folder: Path, ledger: Ledger) -> Rulings | None:
    """The rulings of a run directory; None where nobody has voted.

    Raises:
        RunDirectoryError: the file of votes is damaged.
    """
    if not (folder / FILE).exists():
        return None
    with closing(Reviews(folder / FILE, read_only=True)) as kept:
        votes = kept.votes()
    return rulings(ledger, votes) if votes else None


def rulings(ledger: Ledger, votes: Sequence[Vote]) -> Rulings:
    """What votes come to, given the run's finished questions; in the order of the questions' first votes."""
    by_question: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_question[question_of(vote.target)].append(vote)
    texts: list[Ruling] = []
    asked: list[Asked] = []
    stale: list[Vote] = []
    gone: list[Vote] = []
    for question, cast in by_question.items():
        story = ledger.outcome(question, unpack_story)
        targets = {} if story is None else {one.id: one for one in targets_of(story)}
        gone += [vote for vote in cast if vote.target not in targets]
        there = [vote for vote in cast if vote.target in targets]
        fresh = tuple(vote for vote in there if vote.text_hash == targets[vote.target].hash)
        stale += [vote for vote in there if vote.text_hash != targets[vote.target].hash]
        if story is not None:
            asked.append(Asked(story, fresh))
            texts += [one for name, on_it in _by_target(fresh).items() for one in _ruling(targets[name], story, on_it)]
    return Rulings(
        texts=tuple(one for one in texts if _balance(one.target, one.votes)),
        tied=tuple(one for one in texts if not _balance(one.target, one.votes)),
        asked=tuple(asked),
        votes=tuple(votes),
        stale=tuple(stale),
        gone=tuple(gone),
    )


def _by_target(votes: Iterable[Vote]) -> dict[str, list[Vote]]:
    found: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        found[vote.target].append(vote)
    return found


def _ruling(target: Target, story: Story, fresh: Sequence[Vote]) -> list[Ruling]:
    decided = tuple(vote for vote in fresh if vote.says_right is not None)
    return [Ruling(target, story, decided, any(vote.drawn == "audit" for vote in fresh))] if decided else []


def _balance(target: Target, votes: Sequence[Vote]) -> int:
    """How many more call a text right than wrong. A record under a key that is wrong is not right."""
    return sum(1 if vote.says_right and not (target.kind == "record" and vote.key_is_wrong) else -1 for vote in votes)
