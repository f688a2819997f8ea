"""What has come to a ledger since somebody looked last: for a reader that follows a run and keeps what it read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Count
from reasonmed.engine.ledger.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROWS = """
SELECT position, items.id, outcomes.id IS NOT NULL, COALESCE(outcomes.story, items.story)
FROM items LEFT JOIN outcomes USING (id) WHERE position > ? ORDER BY position LIMIT ?
"""
_ROW = """
SELECT position, items.id, outcomes.id IS NOT NULL, COALESCE(outcomes.story, items.story)
FROM items LEFT JOIN outcomes USING (id) WHERE items.id = ?
"""
_FINISHED = "SELECT rowid, id, 1, story FROM outcomes WHERE rowid > ? ORDER BY rowid LIMIT ?"
_SCORED = "SELECT rowid, record FROM scores WHERE rowid > ? ORDER BY rowid LIMIT ?"
_NEWEST = "SELECT COALESCE((SELECT MAX(rowid) FROM outcomes), 0), COALESCE((SELECT MAX(rowid) FROM scores), 0)"
UPHEAVAL = """
INSERT INTO facts VALUES ('upheavals', '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1
"""
_CORRECTED = "SELECT COUNT(*) FROM corrections"


class Newest(NamedTuple):
    """The last outcome and the last score, in the order in which they came."""

    outcome: Count
    score: Count


class Seen(NamedTuple):
    """A row as it stands: ``place`` is its own among those of its query, ``story`` is packed."""

    place: int
    key: str
    is_done: int
    story: bytes


class Changes(Facts):
    """Rows, outcomes and scores in the order in which they came."""

    def stand(self, after: int) -> Iterator[Seen]:
        """All rows behind a position, finished or not, in order."""
        return self.paged(_ROWS, after, shape=Seen)

    def stands(self, key: str) -> Seen | None:
        """A row as it stands; None where there is none of this key."""
        return next(self.query(_ROW, key, shape=Seen), None)

    def finished_since(self, outcome: int) -> Iterator[Seen]:
        """The outcomes that came after this one."""
        return self.paged(_FINISHED, outcome, shape=Seen)

    def scored_since(self, score: int) -> Iterator[tuple[int, str]]:
        """The records whose scores came after this one."""
        return self.paged(_SCORED, score, shape=tuple[int, str])

    def newest(self) -> Newest:
        """The last of each now."""
        return next(self.query(_NEWEST, shape=Newest))

    def upheavals(self) -> str:
        """A word that is another one after rows were taken in or corrected, and after outcomes were replaced."""
        corrected = next(self.query(_CORRECTED, shape=tuple[Count]))[0] if self.has_table("corrections") else 0
        return f"{self.fact('admitted')} {self.fact('upheavals')} {corrected}"

    def note_upheaval(self) -> None:
        """Note that outcomes were replaced, so that whoever read the older ones reads all of them again."""
        self.write(UPHEAVAL).result()
