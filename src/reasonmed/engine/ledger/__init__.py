"""The ledger: one SQLite file with every call and every outcome of a run.

WAL, ``synchronous=FULL``, one writer thread that commits in groups. Other processes may read while a run writes.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.engine.ledger.repair import is_of_the_disk, mark_closed, mend
from reasonmed.engine.ledger.writer import GroupWriter, Sums
from reasonmed.errors import RequestRejected, RunDirectoryError, StorageFailed
from reasonmed.exchange import Completion, Request
from reasonmed.files import no_room
from reasonmed.types import Story

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path


FORMAT = 2
"""Version of the tables below; a ledger of another version is refused."""

_SCHEMA = """
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
CREATE TABLE IF NOT EXISTS sessions (
  session INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, how TEXT, host TEXT NOT NULL, pid INTEGER NOT NULL,
  changes TEXT NOT NULL);
"""
_INSERT_CALL = f"INSERT OR IGNORE INTO calls VALUES (NULL{', ?' * 19})"  # noqa: S608 - question marks only
_RETIRE = "UPDATE calls SET key = key || x'00' || CAST(call AS BLOB) WHERE key = ? AND max_tokens = ?"
_TORN = "\N{REPLACEMENT CHARACTER}"
_BETWEEN = b"\x00"
_FIND = "SELECT max_tokens, finish, error, completion_tokens, texts FROM calls WHERE key = ?"
_ANSWERED = "SELECT COALESCE(SUM(calls - reused - rejected), 0) FROM totals WHERE model = ?"

encode = msgspec.json.Encoder().encode
_decode_completion = msgspec.json.Decoder(Completion).decode
_decode_story = msgspec.json.Decoder(Story).decode


def pack(value: object) -> bytes:
    """A value as compressed JSON."""
    return zlib.compress(encode(value), 1)


def unpack_story(blob: bytes) -> Story:
    """A story from compressed JSON."""
    return _decode_story(zlib.decompress(blob))


def unpack_texts(blob: bytes) -> tuple[bytes, bytes]:
    """A call's messages and its reply, both as JSON; of a rejected one the endpoint's message."""
    messages, _, reply = zlib.decompress(blob).partition(_BETWEEN)
    return messages, reply


def _reply_in(texts: bytes) -> bytes | None:
    """A call's reply; None where its texts are torn: the call is taken out of use, so that it is asked again."""
    try:
        return unpack_texts(texts)[1]
    except zlib.error:
        return None


def _make_tables(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(_SCHEMA)
    connection.execute("INSERT OR IGNORE INTO facts VALUES ('format', ?)", (str(FORMAT),))


def _place_of(path: Path) -> tuple[int, int]:
    """What tells a file from another one at the same path."""
    facts = path.stat()
    return facts.st_dev, facts.st_ino


class Call(NamedTuple):
    """What a call cost: USD (None where no price is known) and seconds; or the run that its reply was reused from."""

    seconds: float
    cost: float | None = None
    reused_from: str | None = None


class Ledger:
    """One run's SQLite file.

    Args:
        path: the file; made where it is missing, unless ``read_only``.
        read_only: for ``status``, ``why`` and exports, also while a run writes.

    Raises:
        RunDirectoryError: it is no ledger, or one of another version.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self.saved = None if read_only else mend(path, _make_tables)
        """What could be saved, where the file was found damaged."""
        try:
            self._reader = self._connect()
            if not read_only:
                _make_tables(self._reader)
            self._check_format()
            self._place = _place_of(path)
        except sqlite3.DatabaseError as broken:
            if is_of_the_disk(broken):
                raise StorageFailed(
                    f"{path} cannot be opened: {broken}. Make room on its disk, see that the folder may be "
                    "written, and try again; the ledger itself is not damaged"
                ) from broken
            raise RunDirectoryError(f"{path} is no ledger of reasonmed, or it is damaged: {broken}") from broken
        self._writer = GroupWriter(self._connect, self._check_place, self._explain)

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rwc"
        uri = f"{self.path.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None, timeout=60)
        connection.execute("PRAGMA synchronous=FULL")
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        return connection

    def _check_format(self) -> None:
        found = self.fact("format")
        if found != str(FORMAT):
            raise RunDirectoryError(f"{self.path} has ledger format {found}; this version reads format {FORMAT}")

    def query(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Rows of a query."""
        yield from self._reader.execute(sql, values)

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Whatever is read inside is as it was when the first of it was read, whatever is written meanwhile."""
        self._reader.execute("BEGIN")
        try:
            yield
        finally:
            self._reader.execute("ROLLBACK")

    def fact(self, name: str) -> str | None:
        """A remembered fact about the run."""
        row = self._reader.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def find(self, request: Request) -> Completion | None:
        """The recorded reply that serves a request: one that was not cut and fits, or was cut at the same limit.

        Raises:
            RequestRejected: what is on record is that the endpoint refuses this request.
        """
        limit = request.sampling.max_tokens
        found = self._reader.execute(_FIND, (request.key,)).fetchall()
        for found_limit, finish, error, written, texts in sorted(found, key=lambda row: row[0] != limit):
            reply = None if _TORN in f"{finish}{error}" else _reply_in(texts)
            if reply is None:
                self.write(_RETIRE, request.key, found_limit).result()
                continue
            if error is not None:
                if found_limit == limit:
                    raise RequestRejected(reply.decode(), error)
                continue
            fits = found_limit <= limit or (written is not None and written <= limit)
            if found_limit == limit or (finish != "length" and fits):
                return _decode_completion(reply)
        return None

    def has_replies_of(self, model: str) -> bool:
        """Whether the model answered a request of this run, not only of one whose replies are reused."""
        (replies,) = next(self.query(_ANSWERED, model))
        return bool(replies > 0)

    def write(self, sql: str, *values: object) -> Future[None]:
        """One statement, handed over at once; the future is done when it is on disk."""
        return self.apply(lambda connection: connection.execute(sql, values))

    def apply(self, change: Callable[[sqlite3.Connection], object]) -> Future[None]:
        """A change, handed over at once; the future is done when it is on disk."""
        return self._writer.now(lambda connection, _: change(connection))

    async def put(self, sql: str, *values: object) -> None:
        """One statement, committed with others; returns when it is on disk."""
        await self._writer.soon(lambda connection, _: connection.execute(sql, values))

    def _check_place(self) -> None:
        """See that the file that is written is the one that anybody will find."""
        try:
            there = _place_of(self.path) == self._place
        except FileNotFoundError:
            there = False
        if not there:
            raise StorageFailed(
                f"{self.path.parent} was removed, moved or replaced while this process was writing to it: move it back "
                "and run the same command again, or begin anew"
            )

    def _explain(self, failed: Exception) -> Exception:
        return no_room(self.path, failed) if isinstance(failed, sqlite3.Error) else failed

    def record(self, request: Request, reply: Completion | RequestRejected, call: Call) -> asyncio.Future[None]:
        """Queue a call with its reply or its rejection."""
        if isinstance(reply, Completion):
            finish, error, body = reply.finish_reason, None, encode(reply)
            counts = (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens, reply.reasoning_tokens)
        else:
            finish, error, body = None, reply.kind, str(reply).encode()
            counts = (None, None, None, None)
        asked = request.sampling
        what = (request.key, asked.max_tokens, request.stage, request.question_id, request.model, request.sample)
        how = (request.attempt, asked.temperature, finish, error, *counts)
        row = (*what, *how, call.cost, call.seconds, time.time(), call.reused_from)
        added = (call.reused_from is not None, error is not None, call.cost is None)
        sums = (1, *added, *(count or 0 for count in counts[:3]), call.cost or 0.0, call.seconds)

        def change(connection: sqlite3.Connection, totals: Sums) -> None:
            texts = zlib.compress(encode(request.messages) + _BETWEEN + body, 1)
            if connection.execute(_INSERT_CALL, (*row, texts)).rowcount:
                totals.add(request.stage, request.model, sums)

        return self._writer.soon(change)

    def close(self) -> None:
        """Write what is queued, then let go of the file."""
        self._writer.close()
        self._reader.close()
        if not self._read_only:
            mark_closed(self.path)
