"""The scores of records, which come after the last row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.engine.job import Score
from reasonmed.engine.ledger.changes import UPHEAVAL
from reasonmed.engine.ledger.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable

_OF_ROW = "SELECT record, score, justification, model FROM scores WHERE record >= ? AND record < ?"
_KEEP = "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)"


class Scores(Store):
    """Scores by record."""

    def scores_of(self, row: str) -> list[Score]:
        """The scores of a row's records."""
        return list(self.query(_OF_ROW, f"{row}#", f"{row}$", shape=Score))

    def scored(self) -> list[str]:
        """The records that have a score."""
        return [name for (name,) in self.query("SELECT record FROM scores", shape=tuple[str])]

    def has_score(self, record: str) -> bool:
        """Whether a record was scored."""
        return next(self.query("SELECT 1 FROM scores WHERE record = ?", record), None) is not None

    async def keep_score(self, score: Score) -> None:
        """Put a score on record; returns when it is on disk."""
        await self.put(_KEEP, *score)

    async def drop_scores(self, records: Iterable[str]) -> None:
        """Remove the scores of records."""
        dropped = False
        for name in records:
            await self.put("DELETE FROM scores WHERE record = ?", name)
            dropped = True
        if dropped:
            await self.put(UPHEAVAL)
