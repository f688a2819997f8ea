"""The index's file: questions, bit sets of the filters' values, and the texts that are searched. All SQL on it."""

from __future__ import annotations

import os
import sqlite3
import threading
from array import array
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from reasonmed.errors import ReasonMedError, StorageFailed
from reasonmed.files import check_own, open_own
from reasonmed.web.index.words import COLUMNS, expression, spaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from reasonmed.web.index.entry import Entry
from reasonmed.web.index.words import Terms

VERSION = 1
SIDES = ("", "-wal", "-shm")
Shape = TypeVar("Shape")
_SCHEMA = """
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE questions (
  row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, version INTEGER NOT NULL, stem TEXT NOT NULL,
  outcome TEXT NOT NULL, records INTEGER NOT NULL, wrong INTEGER NOT NULL, score REAL, tallies TEXT NOT NULL);
CREATE TABLE facets (facet TEXT NOT NULL, value TEXT NOT NULL, rows BLOB NOT NULL, PRIMARY KEY (facet, value));
"""
_FTS = "CREATE VIRTUAL TABLE texts USING fts5({}, content='', tokenize='unicode61 remove_diacritics 2')"
_PLAIN = "CREATE TABLE texts (rowid INTEGER PRIMARY KEY, {})"
_PUT = "INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_PUT_TEXTS = "INSERT INTO texts (rowid, stem, chains, verdicts) VALUES (?, ?, ?, ?)"
_ANEW = 1 << 32
"""Added to the number of a text for each time that its question changed: without content FTS5 cannot take one out.
Whatever an older text of a question is found by, the question is found by."""


class Known(NamedTuple):
    """What the file has of a question."""

    row: int
    version: int
    tallies: str


class Line(NamedTuple):
    """A question in a list."""

    row: int
    id: str
    stem: str
    outcome: str
    records: int
    wrong: int
    score: float | None


def has_fts5() -> bool:
    """Whether this Python's SQLite can search texts."""
    with sqlite3.connect(":memory:") as tried:
        return bool(tried.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0])


class IndexFile:
    """One SQLite file; a cache, so that a torn one is made anew. One thread writes, others read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._open()
        self.fts = self.note("texts") == "fts5"

    def _open(self) -> None:
        self._writer = self._opened()
        self._reader = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=60)
        self.torn = False
        """Whether a page found it so."""

    def _opened(self) -> sqlite3.Connection:
        """The file for writing; one of another version, or that cannot be read, is taken away."""
        if self._is_whole():
            return self._connect()
        for side in SIDES:
            self._beside(side).unlink(missing_ok=True)
        os.close(open_own(self.path, os.O_RDWR))
        connection = self._connect()
        self._make(connection)
        return connection

    def _is_whole(self) -> bool:
        """Whether an index of this version is there, in files of our own."""
        try:
            for side in SIDES:
                check_own(self._beside(side))
            with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=rw", uri=True, timeout=60)) as found:
                (noted,) = found.execute("SELECT value FROM notes WHERE name = 'version'").fetchall()
        except (ReasonMedError, sqlite3.DatabaseError, ValueError):
            return False
        return bool(noted == (str(VERSION),))

    def _beside(self, side: str) -> Path:
        return self.path.with_name(self.path.name + side)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=60)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    def renew(self) -> None:
        """Take a file away that turned out to be torn, and begin anew."""
        with self._lock:
            self._writer.close()
            self._reader.close()
            self.path.unlink(missing_ok=True)
            self._open()

    @staticmethod
    def _make(connection: sqlite3.Connection) -> None:
        columns = ", ".join(COLUMNS)
        fts = has_fts5()
        connection.executescript(f"BEGIN;{_SCHEMA}{(_FTS if fts else _PLAIN).format(columns)};COMMIT;")
        facts = {"version": str(VERSION), "texts": "fts5" if fts else "plain"}
        connection.executemany("INSERT INTO notes VALUES (?, ?)", facts.items())

    def empty(self) -> None:
        """Take everything out, and begin anew."""
        with self._lock:
            self._writer.executescript(
                "BEGIN; DROP TABLE texts; DROP TABLE questions; DROP TABLE facets; DROP TABLE notes; COMMIT;"
            )
            self._make(self._writer)

    def note(self, name: str) -> str | None:
        """What is noted under a name."""
        found = self._rows(tuple[str], "SELECT value FROM notes WHERE name = ?", name)
        return found[0][0] if found else None

    def begin(self) -> None:
        """Begin a batch of changes."""
        self._writer.execute("BEGIN")

    def known(self, name: str) -> Known | None:
        """What the writer has of a question."""
        found = self._writer.execute("SELECT row, version, tallies FROM questions WHERE id = ?", (name,)).fetchone()
        return None if found is None else Known(*found)

    def put(self, known: Known, entry: Entry) -> None:
        """Write a question and its texts."""
        counts = (entry.records, entry.wrong, entry.score)
        values = (known.row, entry.id, known.version, entry.stem, entry.outcome, *counts, known.tallies)
        self._writer.execute(_PUT, values)
        texts = [spaced(text) for text in entry.texts] if self.fts else entry.texts
        self._writer.execute(_PUT_TEXTS, (known.row + _ANEW * known.version, *texts))

    def commit(self, facts: Mapping[str, str], facets: Iterable[tuple[str, str, bytes]]) -> None:
        """End a batch of changes, with what goes with it."""
        self._writer.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", facts.items())
        self._writer.executemany("INSERT OR REPLACE INTO facets VALUES (?, ?, ?)", facets)
        self._writer.execute("COMMIT")

    def give_up(self) -> None:
        """Take back a batch that was not ended."""
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")

    def facets(self) -> list[tuple[str, str, bytes]]:
        """The bit sets: facet, value, rows."""
        return self._rows(tuple[str, str, bytes], "SELECT facet, value, rows FROM facets")

    def count(self) -> int:
        """How many questions there are."""
        return self._rows(tuple[int], "SELECT COUNT(*) FROM questions")[0][0]

    def lines(self, rows: Sequence[int]) -> list[Line]:
        """Questions by their rows, in that order."""
        marks = ", ".join("?" * len(rows))
        query = f"SELECT row, id, stem, outcome, records, wrong, score FROM questions WHERE row IN ({marks})"  # noqa: S608
        found = {line[0]: Line(*line) for line in self._rows(Line, query, *rows)}
        return [found[row] for row in rows if row in found]

    def row_of(self, name: str) -> int | None:
        """The row of a question."""
        found = self._rows(tuple[int], "SELECT row FROM questions WHERE id = ?", name)
        return found[0][0] if found else None

    def ordered(self, order: str) -> array[int]:
        """All rows in an order, which is a piece of SQL of ours."""
        found = self._rows(tuple[int], f"SELECT row FROM questions ORDER BY {order}, row")  # noqa: S608 - ours
        return array("L", (row for (row,) in found))

    def matching(self, terms: Terms, within: str) -> list[int]:
        """The rows whose texts have the terms, in no order."""
        if self.fts:
            return self._rows_of("SELECT rowid FROM texts WHERE texts MATCH ?", expression(terms, within))
        columns = [within] if within in COLUMNS else list(COLUMNS)
        whole = " || ' ' || ".join(columns)
        tests = [f"{whole} LIKE ? ESCAPE '\\'"] * len(terms.within)
        tests += [f"{whole} NOT LIKE ? ESCAPE '\\'"] * len(terms.without)
        sought = [_like(term) for term in (*terms.within, *terms.without)]
        return self._rows_of(f"SELECT rowid FROM texts WHERE {' AND '.join(tests)}", *sought)  # noqa: S608

    def by_rank(self, terms: Terms, within: str) -> list[int]:
        """The rows whose texts have the terms, the best first."""
        sql = "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rank"
        return list(dict.fromkeys(self._rows_of(sql, expression(terms, within))))

    def _rows_of(self, sql: str, *values: object) -> list[int]:
        return [number % _ANEW for (number,) in self._rows(tuple[int], sql, *values)]

    def _rows(self, shape: type[Shape], sql: str, *values: object) -> list[Shape]:  # noqa: ARG002 - for its type
        with self._lock:
            try:
                return cast("list[Shape]", self._reader.execute(sql, values).fetchall())
            except sqlite3.DatabaseError as failed:
                self.torn = not isinstance(failed, sqlite3.OperationalError)
                then = "it is built again: wait a moment, then reload" if self.torn else "reload the page"
                raise StorageFailed(f"{self.path} cannot be read: {failed}; {then}") from failed

    def close(self) -> None:
        """Let go of the file."""
        self._writer.close()
        self._reader.close()


def _like(term: str) -> str:
    escaped = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in term)
    return f"%{escaped}%"
