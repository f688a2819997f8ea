"""The ledger: one SQLite file with every call and every outcome of a run.

WAL, ``synchronous=FULL``, one writer thread that commits in groups. Other processes may read while a run writes.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from reasonmed.documents import Amount, Refused, converted, decoded, is_plain_file
from reasonmed.engine.ledger import tables
from reasonmed.engine.ledger.packing import (
    BETWEEN,
    completion_in,
    encode,
    pack,
    rejection_in,
    unpack_story,
    unpack_texts,
)
from reasonmed.engine.ledger.repair import SIDES, is_of_the_disk, mark_closed, mend
from reasonmed.engine.ledger.writer import GroupWriter, Sums
from reasonmed.errors import RequestRejected, RunDirectoryError, StorageFailed
from reasonmed.exchange import Completion, Request
from reasonmed.files import no_room

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from reasonmed.types import Story

__all__ = ["Call", "Ledger", "encode", "pack", "unpack_story", "unpack_texts"]

Row = TypeVar("Row")
_PAGE = 256
_FIX = "copy it from where it is whole, or start a run that reuses what can be read: -o NEW --fork OLD"
_INSERT_CALL = f"INSERT OR IGNORE INTO calls VALUES (NULL{', ?' * 19})"  # noqa: S608 - question marks only
_RETIRE = "UPDATE calls SET key = key || x'00' || CAST(call AS BLOB) WHERE key = ? AND max_tokens = ?"
_FIND = "SELECT max_tokens, finish, error, completion_tokens, texts FROM calls WHERE key = ?"
_ANSWERED = "SELECT COALESCE(SUM(calls - reused - rejected), 0) FROM totals WHERE model = ?"


class _Found(NamedTuple):
    max_tokens: int
    finish: str | None
    error: str | None
    completion_tokens: int | None
    texts: bytes


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
        self._check_files()
        self.saved = None if read_only else mend(path, tables.make)
        """What could be saved, where the file was found damaged."""
        try:
            self._reader = self._connect()
            if not read_only:
                tables.make(self._reader)
            self._check_format()
            self._place = _place_of(path)
        except sqlite3.DatabaseError as broken:
            raise self._broken(broken) from broken
        self._writer = GroupWriter(self._connect, self._check_place, self._explain)

    def _connect(self) -> sqlite3.Connection:
        mode = "ro" if self._read_only else "rwc"
        uri = f"{self.path.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, check_same_thread=False, isolation_level=None, timeout=60)
        tables.bound(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.text_factory = lambda text: text.decode("utf-8", "replace")
        return connection

    def _check_files(self) -> None:
        """See that the file and its log are files, and that the tables are a ledger's, before anything runs on them."""
        for place in (self.path, *(self.path.with_name(self.path.name + side) for side in SIDES)):
            if (place.exists() or place.is_symlink()) and not is_plain_file(place):
                raise RunDirectoryError(f"{place} is a link or no regular file; put a copy of the file in its place")
        try:
            if self.path.exists():
                with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as found:
                    tables.check(found)
        except sqlite3.DatabaseError:
            return  # damaged, or the disk is: what can be done about it is done when it is opened
        except Refused as problem:
            raise RunDirectoryError(f"{self.path} is no ledger of reasonmed: {problem}") from problem

    def _check_format(self) -> None:
        found = self.fact("format")
        if found != str(tables.FORMAT):
            raise RunDirectoryError(
                f"{self.path} has ledger format {found!s:.50}; this version reads format {tables.FORMAT}"
            )

    def _broken(self, failed: sqlite3.Error) -> Exception:
        if is_of_the_disk(failed):
            return StorageFailed(
                f"{self.path} cannot be opened: {failed}. Make room on its disk, see that the folder may be "
                "written, and try again; the ledger itself is not damaged"
            )
        return RunDirectoryError(f"{self.path} is no ledger of reasonmed, or it is damaged: {failed}; {_FIX}")

    def refuse(self, where: str, problem: object) -> RunDirectoryError:
        """The error about what stands in the ledger."""
        return RunDirectoryError(f"{self.path}: {where}: {problem}; {_FIX}")

    @overload
    def query(self, sql: str, *values: object) -> Iterator[tuple[Any, ...]]: ...

    @overload
    def query(self, sql: str, *values: object, shape: type[Row]) -> Iterator[Row]: ...

    def query(self, sql: str, *values: object, shape: Any = tuple[Any, ...]) -> Iterator[Any]:
        """Rows of a query in a shape; SQLite itself keeps anything in any column.

        Raises:
            RunDirectoryError: the ledger is damaged, or a value is not what it must be.
        """
        try:
            cursor = self._reader.execute(sql, values)
            while page := list(islice(cursor, _PAGE)):
                yield from self._shaped(page, shape, cursor)
        except sqlite3.Error as broken:
            raise self._broken(broken) from broken

    def _shaped(self, page: list[Any], shape: Any, cursor: sqlite3.Cursor) -> list[Any]:  # noqa: ANN401 - any shape
        try:
            return converted(page, list[shape])
        except Refused as problem:
            columns = ", ".join(str(column[0]) for column in cursor.description)
            raise self.refuse(f"rows of ({columns:.200})", problem) from problem

    def stories(self, sql: str, *values: object) -> Iterator[Story]:
        """Stories of a query for one column.

        Raises:
            RunDirectoryError: one of them cannot be read.
        """
        return (self.story(blob) for (blob,) in self.query(sql, *values))

    def story(self, blob: object) -> Story:
        """A story of this ledger.

        Raises:
            RunDirectoryError: it cannot be read.
        """
        try:
            return unpack_story(blob)
        except Refused as problem:
            raise self.refuse("a story in it is not whole", problem) from problem

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
        found = next(self.query("SELECT value FROM facts WHERE name = ?", name, shape=tuple[str]), None)
        return found[0] if found else None

    def usd(self, name: str) -> float:
        """A remembered amount of money; 0 where there is none.

        Raises:
            RunDirectoryError: it is no amount.
        """
        try:
            return decoded((self.fact(name) or "0.0").encode(), Amount)
        except Refused as problem:
            raise self.refuse(f"the fact {name}", problem) from problem

    def told(self, name: str, shape: type[Row]) -> Row | None:
        """A remembered fact that is JSON; None where there is none.

        Raises:
            RunDirectoryError: it is something else.
        """
        found = self.fact(name)
        try:
            return None if found is None else decoded(found.encode("utf-8", "replace"), shape)
        except Refused as problem:
            raise self.refuse(f"the fact {name}", problem) from problem

    def find(self, request: Request) -> Completion | None:
        """The recorded reply that serves a request: one that was not cut and fits, or was cut at the same limit.

        Raises:
            RequestRejected: what is on record is that the endpoint refuses this request.
        """
        limit = request.sampling.max_tokens
        found = list(self.query(_FIND, request.key, shape=_Found))
        for found_limit, finish, error, written, texts in sorted(found, key=lambda row: row[0] != limit):
            try:
                if error is not None:
                    said = rejection_in(texts, finish, error)
                else:
                    completion = completion_in(texts, finish)
            except Refused:  # torn, so that it is asked again
                if not self._read_only:
                    self.write(_RETIRE, request.key, found_limit).result()
                continue
            if error is not None:
                if found_limit == limit:
                    raise RequestRejected(said, error)
                continue
            fits = found_limit <= limit or (written is not None and written <= limit)
            if found_limit == limit or (finish != "length" and fits):
                return completion
        return None

    def has_replies_of(self, model: str) -> bool:
        """Whether the model answered a request of this run, not only of one whose replies are reused."""
        (replies,) = next(self.query(_ANSWERED, model, shape=tuple[int]))
        return replies > 0

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
                "and run the same command again, or start over"
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
            texts = zlib.compress(encode(request.messages) + BETWEEN + body, 1)
            if connection.execute(_INSERT_CALL, (*row, texts)).rowcount:
                totals.add(request.stage, request.model, sums)

        return self._writer.soon(change)

    def close(self) -> None:
        """Write what is queued, then let go of the file."""
        self._writer.close()
        self._reader.close()
        if not self._read_only:
            mark_closed(self.path)
