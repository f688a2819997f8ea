"""A ledger takes in another one of the same job: rows, calls, outcomes and whatever belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.engine.ledger.changes import UPHEAVAL
from reasonmed.engine.ledger.store import Store

if TYPE_CHECKING:
    import sqlite3

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
_PAGE = 256
_SERVED = "INSERT OR IGNORE INTO facts VALUES (?, ?)"
_ADDED_UP = """
INSERT INTO totals SELECT stage, model, COUNT(*), SUM(reused_from IS NOT NULL), SUM(error IS NOT NULL),
  SUM(cost IS NULL), COALESCE(SUM(prompt_tokens), 0), COALESCE(SUM(cached_tokens), 0),
  COALESCE(SUM(completion_tokens), 0), COALESCE(SUM(cost), 0.0), COALESCE(SUM(seconds), 0.0)
FROM calls GROUP BY stage, model
"""


class Merging(Store):
    """Taking in ledgers of parts of a job."""

    def absorb(self, other: Store) -> None:
        """Take in whatever another ledger has and this one has not; returns when it is on disk."""
        for table in _COPIED:
            if other.has_table(table):
                self._copy(other, table)
        served = list(other.query("SELECT name, value FROM facts WHERE name LIKE 'served %'", shape=tuple[str, str]))
        self.apply(lambda connection: connection.executemany(_SERVED, served)).result()

    def _copy(self, other: Store, table: str) -> None:
        columns = _COPIED[table]
        place = _ORDER.get(table, "rowid")
        start = "" if table in _ORDER else -1
        read = f"SELECT {place}, {columns} FROM {table} WHERE {place} > ? ORDER BY {place} LIMIT ?"  # noqa: S608 - ours
        page: list[tuple[object, ...]] = []
        for _, *row in other.paged(read, start, shape=tuple[object, ...]):
            page.append(tuple(row))
            if len(page) == _PAGE:
                self._put(table, page)
                page = []
        self._put(table, page)

    def _put(self, table: str, rows: list[tuple[object, ...]]) -> None:
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
            connection.executemany(put, new)

        self.apply(change).result()

    def add_up(self) -> None:
        """Make the sums over calls anew, and have whoever reads along read all of it again."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM totals")
            connection.execute(_ADDED_UP)
            connection.execute(UPHEAVAL)

        self.apply(change).result()
