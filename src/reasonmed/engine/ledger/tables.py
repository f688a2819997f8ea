"""The ledger's tables, and whether a file has these and nothing that acts by itself.

Views and triggers run statements of whoever wrote the file, without bound; generated columns do so too.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

from reasonmed.documents import MOST, Refused

FORMAT = 2
"""Version of the tables; a ledger of another version is refused."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
  position INTEGER NOT NULL, id TEXT PRIMARY KEY, hash BLOB NOT NULL, story BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS items_position ON items (position);
CREATE TABLE IF NOT EXISTS calls (
  call INTEGER PRIMARY KEY, key BLOB NOT NULL, max_tokens INTEGER NOT NULL, stage TEXT NOT NULL, question TEXT NOT NULL,
  model TEXT NOT NULL, sample INTEGER NOT NULL, attempt INTEGER NOT NULL, temperature REAL, finish TEXT, error TEXT,
  prompt_tokens INTEGER, cached_tokens INTEGER, completion_tokens INTEGER, reasoning_tokens INTEGER, cost REAL,
  seconds REAL, at REAL NOT NULL, reused_from TEXT, texts BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS calls_key ON calls (key, max_tokens);
CREATE INDEX IF NOT EXISTS calls_question ON calls (question);
CREATE TABLE IF NOT EXISTS totals (
  stage TEXT NOT NULL, model TEXT NOT NULL, calls INTEGER NOT NULL, reused INTEGER NOT NULL, rejected INTEGER NOT NULL,
  unpriced INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL, cost REAL NOT NULL, seconds REAL NOT NULL,
  PRIMARY KEY (stage, model)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outcomes (
  id TEXT PRIMARY KEY, tier TEXT, reason TEXT, records INTEGER NOT NULL, right INTEGER NOT NULL,
  wrong INTEGER NOT NULL, undecided INTEGER NOT NULL, missing INTEGER NOT NULL, unsampled INTEGER NOT NULL,
  prechecked INTEGER NOT NULL, story BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS scores (
  record TEXT PRIMARY KEY, score INTEGER, justification TEXT NOT NULL, model TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS canaries (
  id TEXT PRIMARY KEY, accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, undecided INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS multiples (id TEXT PRIMARY KEY, equal TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS corrections (
  correction INTEGER PRIMARY KEY, id TEXT NOT NULL, old TEXT, new TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL,
  records INTEGER, story BLOB);
CREATE TABLE IF NOT EXISTS batches (
  token TEXT PRIMARY KEY, model TEXT NOT NULL, run TEXT NOT NULL, provider TEXT NOT NULL, state TEXT NOT NULL,
  staged TEXT, id TEXT, requests INTEGER NOT NULL, answered INTEGER NOT NULL, failed INTEGER NOT NULL,
  begun REAL NOT NULL, problem TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS held (
  name TEXT PRIMARY KEY, model TEXT NOT NULL, request BLOB NOT NULL, bytes INTEGER NOT NULL, at REAL NOT NULL,
  tries INTEGER NOT NULL, token TEXT, worst REAL NOT NULL DEFAULT 0, sent TEXT);
CREATE INDEX IF NOT EXISTS held_token ON held (token);
CREATE TABLE IF NOT EXISTS sessions (
  session INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, how TEXT, host TEXT NOT NULL, pid INTEGER NOT NULL,
  changes TEXT NOT NULL);
"""
LATER = ("canaries", "multiples", "corrections", "batches", "held")
"""Tables that older ledgers lack."""
_OBJECTS = "SELECT type, name, sql FROM sqlite_master WHERE NOT (type = 'index' AND sql IS NULL)"
"""All but the indexes that SQLite makes for itself."""
_PLAIN = ("CREATE TABLE ", "CREATE INDEX ", "CREATE UNIQUE INDEX ")
_NOTED = "SELECT 1 FROM facts WHERE name = 'format'"
"""Written when all tables were made; a start that was interrupted has made some."""
_COLUMNS = "SELECT name, hidden FROM pragma_table_xinfo(?)"


def make(connection: sqlite3.Connection) -> None:
    """Make the tables that are missing; the format is noted when all are there."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(SCHEMA)
    connection.execute("INSERT OR IGNORE INTO facts VALUES ('format', ?)", (str(FORMAT),))


def bound(connection: sqlite3.Connection) -> None:
    """Let a connection read nothing endless, and call no function on behalf of the file."""
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST)
    connection.execute("PRAGMA trusted_schema=OFF")


def check(connection: sqlite3.Connection) -> None:
    """See that a database holds a ledger's tables, all of them once its format is noted, and nothing else.

    Raises:
        Refused: it does not.
        sqlite3.DatabaseError: it cannot be read.
    """
    bound(connection)
    known, there = _known(), set()
    for kind, name, written in connection.execute(_OBJECTS):
        if name not in known.get(kind, {}) or not str(written).startswith(_PLAIN):
            raise Refused(f"it has a {kind!s:.20} {name!r:.100}, which no ledger has")
        if kind == "table":
            there.add(name)
            _check_columns(connection, name, known[kind][name])
    missing = sorted(known["table"].keys() - there - {*LATER})
    if missing and "facts" in there and connection.execute(_NOTED).fetchone():
        raise Refused(f"it has no table {', '.join(missing)}")


def _check_columns(connection: sqlite3.Connection, table: str, known: tuple[str, ...]) -> None:
    columns = connection.execute(_COLUMNS, (table,)).fetchall()
    found = tuple(name for name, _ in columns)
    if found != known or any(hidden for _, hidden in columns):
        raise Refused(f"its table {table} has the columns {', '.join(map(str, found)):.300}, not {', '.join(known)}")


@cache
def _known() -> dict[str, dict[str, tuple[str, ...]]]:
    """The columns of each table and index."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript(SCHEMA)
        named = list(made.execute("SELECT type, name FROM sqlite_master WHERE sql IS NOT NULL"))
        found: dict[str, dict[str, tuple[str, ...]]] = {"table": {}, "index": {}}
        for kind, name in named:
            found[kind][name] = tuple(column for column, _ in made.execute(_COLUMNS, (name,)))
        return found
