"""Repair: a ledger that was not closed properly is checked; what can be read of a damaged one is saved.

What is lost is asked again; the damaged file is kept beside the new one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Refused
from reasonmed.engine.ledger import tables
from reasonmed.engine.ledger.packing import torn, unpacked
from reasonmed.errors import RunDirectoryError, StorageFailed
from reasonmed.files import check_own, open_own, open_there, sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TABLES = ("items", "calls", "outcomes", "scores", "sessions", "facts", "totals")
_BLOBS = {"items": "story", "calls": "texts", "outcomes": "story"}
_MAGIC = b"SQLite format 3\x00"
_HEADER = 100
"""Bytes of a database file's header: page size at 16, number of pages at 28 (sqlite.org/fileformat)."""
SIDES = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a database."""
_AROUND = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    }
)
_LONGEST = 1 << 40
"""Bytes of a ledger; a header that says more is garbage."""
_SMALL = ("items", "outcomes")
"""Tables whose texts are read whole in a check; those of calls are read when they are wanted."""


class Saved(NamedTuple):
    """What could be saved of a damaged ledger, by table, and where the damaged one is kept."""

    rows: dict[str, int]
    kept: Path

    def __str__(self) -> str:
        rows = f"{self.rows['calls']:,} calls and {self.rows['outcomes']:,} outcomes"
        return (
            f"the ledger was damaged: {rows} were saved, the rest is requested again; the old file is {self.kept.name}"
        )


def _mark(path: Path) -> Path:
    return path.with_name(f".{path.name}.closed")


def is_of_the_disk(failed: sqlite3.Error) -> bool:
    """Whether SQLite failed for what is around the file, such as a full disk, and not for what is in it."""
    return getattr(failed, "sqlite_errorcode", 0) & 0xFF in _AROUND


def mark_closed(path: Path) -> None:
    """Note the file as it is now: closed, and whole. Without the note it is checked before it is next written."""
    with suppress(OSError):
        facts, mark = path.stat(), _mark(path)
        mark.unlink(missing_ok=True)
        with os.fdopen(open_own(mark, os.O_WRONLY | os.O_EXCL), "w", encoding="ascii") as file:
            file.write(f"{facts.st_size} {facts.st_mtime_ns}")


def mend(path: Path, prepare: Callable[[sqlite3.Connection], None]) -> Saved | None:
    """Check a ledger unless it is as it was closed, and save what can be saved where it is damaged.

    Args:
        path: the ledger's file; an empty one, for its owner alone, is made where there is none.
        prepare: makes the tables of a new one.

    Raises:
        ReasonMedError: it, or a file that SQLite would write beside it, is a link or another user's.
    """
    mark = _mark(path)
    finished = _put_in_place(path)
    for side in SIDES:
        check_own(path.with_name(path.name + side))
    os.close(open_own(path, os.O_RDWR))
    if finished is not None:
        return finished
    facts = path.stat()
    with suppress(OSError, ValueError), os.fdopen(open_there(mark), encoding="ascii") as file:
        if file.read() == f"{facts.st_size} {facts.st_mtime_ns}":
            mark.unlink()
            return None
    with suppress(IsADirectoryError, PermissionError):
        mark.unlink(missing_ok=True)
    if not _is_database(path) or _is_whole(path):
        return None
    return _save(path, prepare)


def _is_database(path: Path) -> bool:
    """Whether a file begins as a database does; anything else is somebody's own, and left alone."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _is_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as connection:
            if not _has_tables(connection):
                return True
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            return verdict == "ok" and all(_texts_are_whole(connection, table) for table in _SMALL)
    except sqlite3.DatabaseError as failed:
        if is_of_the_disk(failed):
            raise StorageFailed(
                f"{path} cannot be read: {failed}. Make room on its disk, then run the same command again."
            ) from failed
        return False


def _has_tables(connection: sqlite3.Connection) -> bool:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return set(_TABLES) <= names


def _texts_are_whole(connection: sqlite3.Connection, table: str) -> bool:
    column = _BLOBS[table]
    return all(not torn(unpacked, blob) for (blob,) in connection.execute(f"SELECT {column} FROM {table}"))  # noqa: S608 - our names


def _save(path: Path, prepare: Callable[[sqlite3.Connection], None]) -> Saved | None:
    draft, reading = path.with_name(f"{path.name}.saving"), path.with_name(f"{path.name}.reading")
    for old in (draft, reading):
        _remove(old)
        os.close(open_own(old, os.O_WRONLY | os.O_EXCL))
    _padded_copy(path, reading)
    _check_tables(reading, path)
    with closing(sqlite3.connect(draft, isolation_level=None)) as new:
        prepare(new)
        for table in (*_TABLES, *tables.LATER):
            _copy(reading, new, table)
        new.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _remove(reading)
    draft.rename(_saved(path))
    return _put_in_place(path)


def _saved(path: Path) -> Path:
    """Where the new ledger waits when it is whole: from then on it takes the place of the damaged one."""
    return path.with_name(f"{path.name}.saved")


def _put_in_place(path: Path) -> Saved | None:
    """Keep a damaged ledger and put the one that was saved of it in its place, also where that was interrupted."""
    saved = _saved(path)
    if saved.is_symlink() or not saved.is_file():
        return None
    kept = _kept(path)
    if not kept.exists():
        _double(path, kept)
    for side in SIDES:  # after the new one is whole: without its log the damaged one is worth less
        with suppress(FileNotFoundError):
            path.with_name(path.name + side).rename(kept.with_name(kept.name + side))
    with closing(sqlite3.connect(saved)) as new:
        rows = {table: _count(new, table) for table in _TABLES}
    saved.replace(path)
    sync(path.parent)
    return Saved(rows, kept)


def _check_tables(copy: Path, path: Path) -> None:
    """See that what is copied from are tables, now that more of them may be readable."""
    try:
        with closing(sqlite3.connect(f"{copy.resolve().as_uri()}?mode=ro", uri=True)) as found:
            tables.check(found)
    except sqlite3.DatabaseError:
        return
    except Refused as problem:
        raise RunDirectoryError(f"{path} is no ledger of reasonmed: {problem}") from problem


def _kept(path: Path) -> Path:
    """The name under which a damaged ledger is kept: the one that it has already, or the next that is free."""
    number = 1
    while (kept := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists() and not kept.samefile(path):
        number += 1
    return kept


def _double(path: Path, kept: Path) -> None:
    """Give a file a second name, or make a copy where the file system has no hard links."""
    try:
        kept.hardlink_to(path)
    except OSError:
        shutil.copy(path, kept)


def _remove(path: Path) -> None:
    """Remove a database with all that is beside it."""
    for suffix in ("", *SIDES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _count(connection: sqlite3.Connection, table: str) -> int:
    (found,) = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()  # noqa: S608 - our names
    return int(found)


def _padded_copy(path: Path, copy: Path) -> None:
    """A copy of the file and its log that is as long as its header says: SQLite reads nothing of a shorter one."""
    shutil.copyfile(path, copy)
    log, copied = (one.with_name(f"{one.name}-wal") for one in (path, copy))
    if log.is_file():
        os.close(open_own(copied, os.O_WRONLY | os.O_EXCL))
        shutil.copyfile(log, copied)
    with copy.open("r+b") as file:
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            return
        page = int.from_bytes(header[16:18], "big")
        length = (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
        if file.seek(0, 2) < length <= _LONGEST:
            file.truncate(length)


def _copy(path: Path, new: sqlite3.Connection, table: str) -> None:
    """Copy every readable row of a table."""
    new.execute("BEGIN")
    for row in _readable(path, table):
        marks = ", ".join("?" * len(row))
        new.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row)  # noqa: S608 - our names
    new.execute("COMMIT")


def _readable(path: Path, table: str) -> Iterator[tuple[object, ...]]:
    """Rows from both ends of a table up to where it cannot be read, without those whose text is torn."""
    for order in ("ASC", "DESC"):
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as old:
                tables.bound(old)
                cursor = old.execute(f"SELECT * FROM {table} ORDER BY 1 {order}")  # noqa: S608 - our names
                names = [column[0] for column in cursor.description]
                place = names.index(_BLOBS[table]) if table in _BLOBS else None
                for row in cursor:
                    if place is None or not torn(unpacked, row[place]):
                        yield row
        except sqlite3.DatabaseError:
            continue
        return
