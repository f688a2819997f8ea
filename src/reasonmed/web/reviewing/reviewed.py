"""The votes on a run as the viewer has them, read again only when they have changed; what questions come to by them."""

from __future__ import annotations

import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from reasonmed.errors import RunDirectoryError
from reasonmed.questions.ids import question_of
from reasonmed.runs.reviews import FILE, Reviews, queue_of, state_of, target_of, targets_of
from reasonmed.runs.reviews.store import edition
from reasonmed.runs.stories import unpack_story
from reasonmed.web.index.bits import every
from reasonmed.web.reviewing.ballot import draft_of, same, typed_of
from reasonmed.web.reviewing.queues import Queues

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews import Queued, QueueWanted, Target, Vote
    from reasonmed.types import Story
    from reasonmed.web.index import Index
    from reasonmed.web.reviewing.queues import Building

_GONE = ""
"""In the place of a text's hash where the run has no such text."""


def own_in(history: Iterable[tuple[Vote, float | None]], reviewer: str) -> Vote | None:
    """The vote of a reviewer that counts among all votes on a text."""
    return next((vote for vote, gone in reversed([*history]) if vote.reviewer == reviewer and gone is None), None)


def last_of(votes: Iterable[Vote], reviewer: str) -> Vote | None:
    """A reviewer's last vote."""
    return max((vote for vote in votes if vote.reviewer == reviewer), key=lambda vote: vote.at, default=None)


def time_of(vote: Vote | None) -> str:
    """What tells a reviewer's votes apart; empty for none."""
    return "" if vote is None else repr(vote.at)


class Reviewed:
    """The votes on a run."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._path = run.path / FILE
        self._lock = threading.Lock()
        self._queues = Queues()
        self._votes: tuple[bytes, list[Vote]] = (b"", [])
        self._hashes: dict[str, str] = {}
        self._stands: tuple[str, int] = ("", -1)
        self._facet: tuple[object, dict[str, int]] = (None, {})

    @contextmanager
    def reading(self) -> Iterator[Reviews]:
        """The votes, for reading: nothing is made where there are none."""
        with closing(Reviews(self._path, read_only=True)) as kept:
            yield kept

    @contextmanager
    def writing(self) -> Iterator[Reviews]:
        """The votes, for writing, one page at a time.

        Raises:
            RunDirectoryError: the folder cannot be written.
        """
        with self._lock:
            try:
                kept = Reviews(self._path)
            except OSError as refused:
                raise RunDirectoryError(
                    f"{self._path} cannot be written: {refused.strerror}; open the viewer as a user who may write in "
                    "that folder, or on a copy of the run"
                ) from refused
            with closing(kept):
                yield kept

    def votes(self) -> Sequence[Vote]:
        """The last vote of each reviewer on each text."""
        now = edition(self._path)
        if now != self._votes[0]:
            with self.reading() as kept:
                self._votes = (now, kept.votes())
        return self._votes[1]

    def cast(self, vote: Vote, since: str) -> Vote | None:
        """Keep a vote, once: one that says the same as the reviewer's last one on the text is no other vote.

        Returns the vote that is in its way: one that the reviewer has cast since the form was made, which shows
        ``since`` (``time_of`` of the vote that it takes the place of).
        """
        with self.writing() as kept:
            own = own_in(kept.history(vote.target), vote.reviewer)
            if own is not None and same(own, vote):
                return None
            if time_of(own) != since:
                return own
            kept.add(vote)
            return None

    def take_back(self, reviewer: str, target: str, since: str, at: float) -> Vote | None:
        """Take a reviewer's last vote back, where it is still this one; what it said becomes a draft."""
        last = last_of(self.votes(), reviewer)
        if last is None or (last.target, time_of(last)) != (target, since):
            return None
        found = self.target(target)
        with self.writing() as kept:
            taken = kept.take_back(reviewer, at)
            if taken is not None and found is not None:
                kept.keep_draft(target, reviewer, draft_of(taken.text_hash, typed_of(taken, found[1])))
        return taken

    def story(self, name: str) -> Story | None:
        """The story of a finished question."""
        with closing(self.run.reader()) as ledger:
            return ledger.outcome(name, unpack_story)

    def target(self, name: str) -> tuple[Story, Target] | None:
        """A text by its id, with its question's story; None where the run has none of it."""
        story = self.story(question_of(name))
        found = target_of(story, name) if story else None
        return None if story is None or found is None else (story, found)

    def queue(
        self, wanted: QueueWanted, chosen: Sequence[tuple[str, str]], names: Callable[[], Sequence[str]]
    ) -> Building:
        """A queue, or how far it is; ``chosen`` is the filter whose questions ``names`` are."""
        stamp, outcome = self._stand()
        votes = self.votes()
        filtered = wanted.kind == "chosen"

        def build(said: Callable[[int, int], None]) -> list[Queued]:
            meant = wanted._replace(questions=tuple(names())) if filtered else wanted
            return queue_of(self.run, meant, votes, said)

        key = (wanted, stamp, tuple(chosen) if filtered else ())
        return self._queues.get(key, (outcome, edition(self._path)), build)

    def _stand(self) -> tuple[str, int]:
        with closing(self.run.reader()) as ledger:
            return ledger.upheavals(), ledger.newest().outcome

    def facet(self, index: Index) -> dict[str, int]:
        """The questions by what reviewers say of them, as sets of rows.

        A question is in the set of each state that one of its texts has, and in ``none`` where no text of it was ever
        voted on.
        """
        stands, votes = self._stand(), self.votes()
        now = (edition(self._path), index.state.number, stands)
        if self._facet[0] != now:
            self._facet = (now, self._rows(index, votes, stands))
        return self._facet[1]

    def _rows(self, index: Index, votes: Sequence[Vote], stands: tuple[str, int]) -> dict[str, int]:
        by_target: dict[str, list[Vote]] = {}
        for vote in votes:
            by_target.setdefault(vote.target, []).append(vote)
        self._look_up(by_target, stands)
        names: dict[str, set[str]] = {}
        for target, given in by_target.items():
            names.setdefault(state_of(given, self._hashes[target]), set()).add(question_of(target))
        rows = index.rows(names)
        touched = 0
        for found in rows.values():
            touched |= found
        return {**rows, "none": every(index.state.size) & ~touched}

    def _look_up(self, targets: dict[str, list[Vote]], stands: tuple[str, int]) -> None:
        """Read the hashes of texts that are not known, or may be others by now."""
        if stands[0] != self._stands[0]:
            self._hashes = {}
        elif stands != self._stands:
            self._hashes = {name: known for name, known in self._hashes.items() if known != _GONE}
        self._stands = stands
        unknown = {question_of(name) for name in targets if name not in self._hashes}
        with closing(self.run.reader()) as ledger:
            for name in unknown:
                story = ledger.outcome(name, unpack_story)
                self._hashes.update({one.id: one.hash for one in targets_of(story)} if story else {})
        self._hashes.update({name: _GONE for name in targets if name not in self._hashes})
