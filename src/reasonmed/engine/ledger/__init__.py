"""The ledger: one SQLite file with every call and every outcome of a run. All SQL on it is in this folder.

WAL, ``synchronous=FULL``, one writer thread that commits in groups. Other processes may read while a run writes.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.engine.job import Score
from reasonmed.engine.ledger.calls import Asked, Call, Calls
from reasonmed.engine.ledger.changes import Changes
from reasonmed.engine.ledger.corrections import Corrections
from reasonmed.engine.ledger.heard import HeardCalls
from reasonmed.engine.ledger.held import Batch, Held
from reasonmed.engine.ledger.merging import Merging
from reasonmed.engine.ledger.packing import encode, pack, unpack_texts, unpacked
from reasonmed.engine.ledger.rows import EVERY, Range, Rows
from reasonmed.engine.ledger.scores import Scores

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.engine.job import Kept

__all__ = [
    "EVERY",
    "Asked",
    "Batch",
    "Call",
    "Ledger",
    "Progress",
    "Range",
    "encode",
    "pack",
    "progress_of",
    "unpack_texts",
    "unpacked",
]


class Ledger(Rows, Calls, HeardCalls, Scores, Corrections, Changes, Held, Merging):
    """One run's SQLite file."""

    async def keep(self, outcome: Kept | Score) -> None:
        """Put what a job made of a row on record; returns when it is on disk."""
        if isinstance(outcome, Score):
            await self.keep_score(outcome)
        else:
            await self.finish(outcome)


class Progress(NamedTuple):
    """How much is on record: replies, and outcomes."""

    replies: int
    outcomes: int


def progress_of(path: Path) -> Progress:
    """How much is in a ledger that another process may be killed while making."""
    if not path.is_file():
        return Progress(0, 0)
    with closing(sqlite3.connect(path)) as connection:
        try:
            (replies,) = connection.execute("SELECT COUNT(*) FROM calls WHERE error IS NULL").fetchone()
            (outcomes,) = connection.execute("SELECT COUNT(*) FROM outcomes").fetchone()
        except sqlite3.OperationalError:
            return Progress(0, 0)
    return Progress(replies, outcomes)
