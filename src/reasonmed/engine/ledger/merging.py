"""A ledger takes in another one of the same job: rows, calls, outcomes and whatever belongs to them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from reasonmed.engine.ledger.calls import IN_USE, OF_ROW
from reasonmed.engine.ledger.changes import UPHEAVAL
from reasonmed.engine.ledger.store import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

_COPIED = {
    "items": "position, id, hash, story",
    "outcomes": "id, tier, reason, records, right, wrong, undecided, missing, unsampled, prechecked, story",
    "canaries": "id, accepted, rejected, undecided",
    "multiples": "id, equal",
    "scores": "record, score, justification, model",
    "calls": "key, max_tokens, stage, question, model, sample, attempt, temperature, finish, error, prompt_tokens, "
    "cached_tokens, completion_tokens, reasoning_tokens, cost, seconds, at, reused_from, texts",
    "sessions": "started, ended, how, host, pid, changes",
    "corrections": "id, old, new, who, why, records, story",
    "batches": "token, model, run, provider, state, staged, id, requests, answered, failed, begun, problem",
    "held": "name, model, request, bytes, at, tries, token, worst, sent",
}
"""The tables that are copied, row by row, with the columns that are no number of their own.

A row that is there stays: SQLite knows it by its key, or, where it has none, by ``_TWICE``.
"""
_ORDER = {"multiples": "id"}
"""What a table is read in the order of, where it has no rowid."""
_TWICE = {
    "sessions": "started = ? AND host = ? AND pid = ?",
    "corrections": "id = ? AND old IS ? AND new = ? AND who = ? AND why = ?",
}
"""What is the same row, in tables where SQLite does not know."""
_MADE = ("outcomes", "canaries", "multiples", "scores", "calls")
"""What the work on rows makes."""
_PAGE, _DEALT = 256, 4096
_SERVED = "INSERT OR IGNORE INTO facts VALUES (?, ?)"
_ADDED_UP = """
INSERT INTO totals SELECT stage, model, COUNT(*), SUM(reused_from IS NOT NULL), SUM(error IS NOT NULL),
  SUM(cost IS NULL), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(cached_tokens), 0),
  COALESCE(SUM(completion_tokens), 0), COALESCE(SUM(cost), 0.0), COALESCE(SUM(seconds), 0.0)
FROM calls WHERE call > ? GROUP BY stage, model
ON CONFLICT (stage, model) DO UPDATE SET calls = calls + excluded.calls, reused = reused + excluded.reused,
  rejected = rejected + excluded.rejected, unpriced = unpriced + excluded.unpriced,
  prompt_tokens = prompt_tokens + excluded.prompt_tokens, cached_tokens = cached_tokens + excluded.cached_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
  seconds = seconds + excluded.seconds
"""
"""Adds the calls behind one of them to the sums."""
_LAST_CALL = "SELECT COALESCE(MAX(call), 0) FROM calls"
_PENDING = """
SELECT position, id, hash, items.story FROM items LEFT JOIN outcomes USING (id)
WHERE outcomes.id IS NULL AND position > ? ORDER BY position LIMIT ?
"""
_CALLS_OF = f"SELECT {_COPIED['calls']} FROM calls WHERE {OF_ROW} AND {IN_USE} ORDER BY call"  # noqa: S608 - ours


class Merging(Store):
    """Taking in ledgers of parts of a job."""

    def absorb(self, other: Store) -> None:
        """Take in whatever another ledger has and this one has not; returns when it is on disk."""
        for table in _COPIED:
            if other.has_table(table):
                self._copy(other, table, "" if table in _ORDER else -1)
        served = list(other.query("SELECT name, value FROM facts WHERE name LIKE 'served %'", shape=tuple[str, str]))
        self.apply(lambda connection: connection.executemany(_SERVED, served)).result()

    def follow(self, other: Store, marks: dict[str, int]) -> None:
        """Take in what another ledger's work has made since the last time, sums of calls included.

        Args:
            other: a ledger whose rows this one has.
            marks: how far each of its tables was read; moved on.
        """
        for table in _MADE:
            if table in _ORDER:
                self._copy(other, table, "")
            else:
                marks[table] = self._copy(other, table, marks.get(table, -1))

    def deal(self, to: Callable[[str], Merging]) -> None:
        """Give each row without an outcome to the ledger that works on it, with its recorded calls."""
        pending = self.paged(_PENDING, -1, shape=tuple[int, str, bytes, bytes])
        while rows := list(islice(pending, _DEALT)):
            takers: dict[Merging, list[tuple[object, ...]]] = {}
            for row in rows:
                takers.setdefault(to(row[1]), []).append(row)
            for taker, own in takers.items():
                taker.put_rows("items", own)
                taker.put_rows("calls", [call for row in own for call in self.query(_CALLS_OF, row[1])])

    def _copy(self, other: Store, table: str, start: int | str) -> int:
        """Copy the rows behind a place; gives the place of the last one, where places are numbers."""
        columns = _COPIED[table]
        place = _ORDER.get(table, "rowid")
        last: object = start
        read = f"SELECT {place}, {columns} FROM {table} WHERE {place} > ? ORDER BY {place} LIMIT ?"  # noqa: S608 - ours
        page: list[tuple[object, ...]] = []
        for place_of_row, *row in other.paged(read, start, shape=tuple[object, ...]):
            last = place_of_row
            page.append(tuple(row))
            if len(page) == _PAGE:
                self.put_rows(table, page)
                page = []
        self.put_rows(table, page)
        return last if isinstance(last, int) else -1

    def put_rows(self, table: str, rows: list[tuple[object, ...]]) -> None:
        """Put rows of a table beside those that are there; returns when they are on disk."""
        if not rows:
            return
        columns = _COPIED[table]
        names = columns.split(", ")
        marks = ", ".join("?" * len(names))
        put = f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - ours
        known = f"SELECT 1 FROM {table} WHERE {_TWICE.get(table, '')}"  # noqa: S608 - ours
        asked = [names.index(one.split()[0]) for one in _TWICE.get(table, "").split(" AND ") if one]

        def change(connection: sqlite3.Connection) -> None:
            new = (
                row
                for row in rows
                if not asked or not connection.execute(known, [row[place] for place in asked]).fetchone()
            )
            (last,) = connection.execute(_LAST_CALL).fetchone()
            connection.executemany(put, new)
            if table == "calls":
                connection.execute(_ADDED_UP, (last,))

        self.apply(change).result()

    def add_up(self) -> None:
        """Make the sums over calls anew, and have whoever reads along read all of it again."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM totals")
            connection.execute(_ADDED_UP, (0,))
            connection.execute(UPHEAVAL)

        self.apply(change).result()
