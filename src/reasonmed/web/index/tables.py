"""The tables of an index's file: made, and checked where they are there already."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

from reasonmed.documents import MOST
from reasonmed.engine.ledger.repair import is_of_the_disk
from reasonmed.files import no_room, open_own
from reasonmed.web.index.place import SIDES
from reasonmed.web.index.words import COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
_SCHEMA = """
CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE questions (
  row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, outcome TEXT NOT NULL, records INTEGER NOT NULL,
  wrong INTEGER NOT NULL, score REAL);
CREATE INDEX questions_wrong ON questions (wrong DESC);
CREATE INDEX questions_records ON questions (records DESC);
CREATE INDEX questions_low ON questions (score IS NULL, score);
CREATE INDEX questions_high ON questions (score DESC);
CREATE TABLE details (row INTEGER PRIMARY KEY, stem TEXT NOT NULL, facts BLOB NOT NULL);
CREATE TABLE versions (row INTEGER PRIMARY KEY, version INTEGER NOT NULL);
CREATE TABLE facets (facet TEXT NOT NULL, value TEXT NOT NULL, rows BLOB NOT NULL, PRIMARY KEY (facet, value));
"""
_FTS = "CREATE VIRTUAL TABLE texts USING fts5({}, content='', tokenize='unicode61 remove_diacritics 2');"
_RANK = "INSERT INTO texts (texts, rank) VALUES ('rank', 'bm25(3.0, 1.0, 1.0)');"
"""A word in a question says more of it than one in a chain of thought."""
_PLAIN = "CREATE TABLE texts (rowid INTEGER PRIMARY KEY, {});"
_OBJECTS = "SELECT type, name, sql FROM main.sqlite_master ORDER BY name"


def has_fts5() -> bool:
    """Whether this Python's SQLite can search texts."""
    with closing(sqlite3.connect(":memory:")) as tried:
        return bool(tried.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0])


def opened(path: Path, *, full_text: bool) -> sqlite3.Connection:
    """The file for writing; one of another version, or that cannot be read, is taken away."""
    connection = connected(path)
    try:
        _prepare(connection)
        if _is_ours(connection, full_text=full_text):
            return connection
    except sqlite3.DatabaseError as broken:
        if is_of_the_disk(broken):
            connection.close()
            raise no_room(path, broken) from broken
    connection.close()
    return made(path, full_text=full_text)


def connected(path: Path) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=60)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST)
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _is_ours(connection: sqlite3.Connection, *, full_text: bool) -> bool:
    """Whether it has the tables of this version and kind, and nothing that acts by itself."""
    if connection.execute(_OBJECTS).fetchall() != _objects(_schema(full_text=full_text)):
        return False
    return bool(
        connection.execute("SELECT 1 FROM notes WHERE (name, value) = ('version', ?)", (str(VERSION),)).fetchone()
    )


def _schema(*, full_text: bool) -> str:
    columns = ", ".join(COLUMNS)
    return _SCHEMA + (_FTS.format(columns) + _RANK if full_text else _PLAIN.format(columns))


def made(path: Path, *, full_text: bool) -> sqlite3.Connection:
    """A new file in the place of whatever is there, for writing."""
    for side in SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)
    os.close(open_own(path, os.O_RDWR))
    connection = connected(path)
    try:
        _prepare(connection)
        connection.executescript(f"BEGIN; {_schema(full_text=full_text)}")
        connection.execute("INSERT INTO notes VALUES ('version', ?)", (str(VERSION),))
        connection.execute("COMMIT")
    except sqlite3.Error as failed:
        connection.close()
        raise no_room(path, failed) from failed
    return connection


@cache
def _objects(schema: str) -> list[tuple[str, str, str]]:
    """The tables of a schema, as SQLite lists them."""
    with closing(sqlite3.connect(":memory:")) as made:
        made.executescript(schema)
        return made.execute(_OBJECTS).fetchall()
