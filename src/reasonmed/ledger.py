"""The ledger: one SQLite file with every call and every outcome of a run.

WAL, ``synchronous=FULL``, one writer thread that commits in groups. Other processes may read while a run writes.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
import zlib
from concurrent.futures import Future
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.errors import RequestRejected, RunDirectoryError, StorageFailed
from reasonmed.types import Completion, Request, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


FORMAT = 1
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
  seconds REAL, at REAL NOT NULL, reused_from TEXT, request BLOB NOT NULL, reply BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS calls_key ON calls (key, max_tokens);
CREATE INDEX IF NOT EXISTS calls_question ON calls (question);
CREATE TABLE IF NOT EXISTS totals (
  stage TEXT NOT NULL, model TEXT NOT NULL, calls INTEGER NOT NULL, reused INTEGER NOT NULL, rejected INTEGER NOT NULL,
  unpriced INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, cached_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL, cost REAL NOT NULL, seconds REAL NOT NULL,
  PRIMARY KEY (stage, model)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outcomes (
  id TEXT PRIMARY KEY, tier TEXT, reason TEXT, records INTEGER NOT NULL, right INTEGER NOT NULL,
  wrong INTEGER NOT NULL, undecided INTEGER NOT NULL, missing INTEGER NOT NULL, story BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS scores (
  record TEXT PRIMARY KEY, score INTEGER, justification TEXT NOT NULL, model TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
  session INTEGER PRIMARY KEY, started REAL NOT NULL, ended REAL, how TEXT, host TEXT NOT NULL, pid INTEGER NOT NULL,
  changes TEXT NOT NULL);
"""
_INSERT_CALL = f"INSERT OR IGNORE INTO calls VALUES (NULL{', ?' * 20})"  # noqa: S608 - question marks only
_ADD_TOTAL = """
INSERT INTO totals VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (stage, model) DO UPDATE SET
  calls = calls + 1, reused = reused + excluded.reused, rejected = rejected + excluded.rejected,
  unpriced = unpriced + excluded.unpriced, prompt_tokens = prompt_tokens + excluded.prompt_tokens,
  cached_tokens = cached_tokens + excluded.cached_tokens,
  completion_tokens = completion_tokens + excluded.completion_tokens, cost = cost + excluded.cost,
  seconds = seconds + excluded.seconds
"""
_FIND = """
SELECT max_tokens, finish, error, completion_tokens, reply FROM calls WHERE key = ? ORDER BY max_tokens = ? DESC, call
"""
_GROUP = 64
_WINDOW = 0.004

encode = msgspec.json.Encoder().encode
_decode_completion = msgspec.json.Decoder(Completion).decode
_decode_story = msgspec.json.Decoder(Story).decode


def pack(value: object) -> bytes:
    """A value as compressed JSON."""
    return zlib.compress(encode(value), 1)


def unpack_story(blob: bytes) -> Story:
    """A story from compressed JSON."""
    return _decode_story(zlib.decompress(blob))


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
        try:
            self._reader = self._connect()
            if not read_only:
                self._prepare()
            self._check_format()
        except sqlite3.DatabaseError as broken:
            raise RunDirectoryError(f"{path} is no ledger of reasonmed, or it is damaged: {broken}") from broken
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rwc"
        uri = f"{self.path.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None, timeout=60)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _prepare(self) -> None:
        self._reader.execute("PRAGMA journal_mode=WAL")
        self._reader.executescript(_SCHEMA)
        self._reader.execute("INSERT OR IGNORE INTO facts VALUES ('format', ?)", (str(FORMAT),))

    def _check_format(self) -> None:
        found = self.fact("format")
        if found != str(FORMAT):
            raise RunDirectoryError(f"{self.path} has ledger format {found}; this version reads format {FORMAT}")

    def query(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Rows of a query."""
        yield from self._reader.execute(sql, values)

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
        for row in self._reader.execute(_FIND, (request.key, limit)):
            found_limit, finish, error, written, reply = row
            if error is not None:
                if found_limit == limit:
                    raise RequestRejected(zlib.decompress(reply).decode(), error)
                continue
            fits = found_limit <= limit or (written is not None and written <= limit)
            if found_limit == limit or (finish != "length" and fits):
                return _decode_completion(zlib.decompress(reply))
        return None

    def write(self, sql: str, *values: object) -> Future[None]:
        """Queue one statement; the future is done when it is on disk."""
        return self.apply(lambda connection: connection.execute(sql, values))

    def apply(self, change: Callable[[sqlite3.Connection], object]) -> Future[None]:
        """Queue a change; the future is done when it is on disk."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_on, name="ledger", daemon=True)
            self._writer.start()
        one = _Write(change)
        self._queue.put(one)
        return one.done

    def _write_on(self) -> None:
        with closing(self._connect()) as connection:
            while (group := self._next_group()) is not None:
                self._commit(connection, group)

    def _next_group(self) -> list[_Write] | None:
        first = self._queue.get()
        if first is None:
            return None
        group, deadline = [first], time.monotonic() + _WINDOW
        while len(group) < _GROUP:
            try:
                one = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if one is None:
                self._queue.put(None)
                break
            group.append(one)
        return [one for one in group if one.done.set_running_or_notify_cancel()]

    def _commit(self, connection: sqlite3.Connection, group: list[_Write]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for one in group:
                one.change(connection)
            connection.execute("COMMIT")
        except Exception as failed:  # noqa: BLE001 - handed to everyone who waits; the thread lives on
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for one in group:
                one.done.set_exception(self._reason(failed))
        else:
            for one in group:
                one.done.set_result(None)

    def _reason(self, failed: Exception) -> Exception:
        if not isinstance(failed, sqlite3.Error):
            return failed
        return StorageFailed(f"{self.path} cannot be written: {failed}. Make room, then run the same command again.")

    def record(self, request: Request, reply: Completion | RequestRejected, call: Call) -> Future[None]:
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
        reused, unpriced = int(call.reused_from is not None), int(call.cost is None)
        added = (*(count or 0 for count in counts[:3]), call.cost or 0.0, call.seconds)
        sums = (request.stage, request.model, reused, int(error is not None), unpriced, *added)

        def change(connection: sqlite3.Connection) -> None:
            blobs = (zlib.compress(encode(request.messages), 1), zlib.compress(body, 1))
            if connection.execute(_INSERT_CALL, (*row, *blobs)).rowcount:
                connection.execute(_ADD_TOTAL, sums)

        return self.apply(change)

    def close(self) -> None:
        """Write what is queued, then let go of the file."""
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
            self._writer = None
        self._reader.close()


class _Write:
    """A queued change and the future that says when it is on disk."""

    __slots__ = ("change", "done")

    def __init__(self, change: Callable[[sqlite3.Connection], object]) -> None:
        self.change = change
        self.done: Future[None] = Future()
