"""The ledger's file: opened and checked, read in shapes and in pages, and written by one thread."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, overload

from reasonmed.documents import Refused, converted, is_plain_file
from reasonmed.engine.ledger import tables
from reasonmed.engine.ledger.repair import SIDES, is_of_the_disk, mark_closed, mend
from reasonmed.engine.ledger.writer import GroupWriter
from reasonmed.errors import RunDirectoryError, StorageFailed
from reasonmed.files import no_room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

Shape = TypeVar("Shape")
_PAGE = 256
_FORMAT = "SELECT value FROM facts WHERE name = 'format'"
_FIX = "copy it from where it is whole, or start a run that reuses what can be read: -o NEW --fork OLD"


def _place_of(path: Path) -> tuple[int, int]:
    """What tells a file from another one at the same path."""
    facts = path.stat()
    return facts.st_dev, facts.st_ino


class Store:
    """One SQLite file with the ledger's tables.

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
        (found,) = next(self.query(_FORMAT, shape=tuple[str]), (None,))
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
    def query(self, sql: str, *values: object, shape: type[Shape]) -> Iterator[Shape]: ...

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

    def paged(self, sql: str, start: object, *more: object, shape: type[Shape]) -> Iterator[Shape]:
        """Rows of a query behind a place, in its order; read page by page, so that no read stands open for long.

        The query takes the place and a number of rows, then what else it needs; the place of a row is its first column.
        """
        while page := list(self.query(sql, start, _PAGE, *more, shape=shape)):
            yield from page
            start = page[-1][0]  # type: ignore[index]  # a tuple, as its query has several columns

    def has_table(self, name: str) -> bool:
        """Whether there is such a table; a ledger that an older version made may lack it."""
        return next(self.query("SELECT 1 FROM sqlite_master WHERE name = ?", name), None) is not None

    def read(self, blob: bytes, decode: Callable[[bytes], Shape]) -> Shape:
        """What a blob of this ledger holds.

        Raises:
            RunDirectoryError: it cannot be read.
        """
        try:
            return decode(blob)
        except Refused as problem:
            raise self.refuse("a row or an outcome in it is not whole", problem) from problem

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Whatever is read inside is as it was when the first of it was read, whatever is written meanwhile."""
        self._reader.execute("BEGIN")
        try:
            yield
        finally:
            self._reader.execute("ROLLBACK")

    def write(self, sql: str, *values: object) -> Future[None]:
        """One statement, handed over at once; the future is done when it is on disk."""
        return self.apply(lambda connection: connection.execute(sql, values))

    def apply(self, change: Callable[[sqlite3.Connection], object]) -> Future[None]:
        """A change, handed over at once; the future is done when it is on disk."""
        return self._writer.now(lambda connection, _: change(connection))

    async def put(self, sql: str, *values: object) -> None:
        """One statement, committed with others; returns when it is on disk."""
        await self.change_soon(lambda connection: connection.execute(sql, values))

    async def change_soon(self, change: Callable[[sqlite3.Connection], object]) -> None:
        """A change, committed with others; returns when it is on disk."""
        await self._writer.soon(lambda connection, _: change(connection))

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

    def close(self) -> None:
        """Write what is queued, then let go of the file."""
        self._writer.close()
        self._reader.close()
        if not self._read_only:
            mark_closed(self.path)
