"""``reviews.db``: every vote that was ever cast, also those that were taken back; and drafts. All SQL on it."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from reasonmed.documents import Refused, decoded, is_plain_file
from reasonmed.errors import RunDirectoryError
from reasonmed.files import open_own, open_there
from reasonmed.runs.reviews.votes import Vote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "reviews.db"
VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS votes (
  vote INTEGER PRIMARY KEY, target TEXT NOT NULL, reviewer TEXT NOT NULL, at REAL NOT NULL, taken_back REAL,
  content TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS votes_target ON votes (target);
CREATE UNIQUE INDEX IF NOT EXISTS votes_once ON votes (content);
CREATE TABLE IF NOT EXISTS drafts (
  target TEXT NOT NULL, reviewer TEXT NOT NULL, content TEXT NOT NULL, PRIMARY KEY (target, reviewer)) WITHOUT ROWID;
"""
_CURRENT = """
SELECT content FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY target, reviewer ORDER BY at DESC, vote DESC) AS place FROM votes
  WHERE taken_back IS NULL
) WHERE place = 1 ORDER BY at, vote
"""
_LAST = "SELECT vote, content FROM votes WHERE reviewer = ? AND taken_back IS NULL ORDER BY at DESC, vote DESC LIMIT 1"
_CHANGES, _CHANGES_SIZE = 24, 4
"""Where SQLite counts the changes of a file that has no write-ahead log."""
_FIX = "copy it from where it is whole"


class Merged(NamedTuple):
    """How many votes of a file were new, and how many were known."""

    new: int
    known: int


def edition(path: Path) -> tuple[int, int, bytes] | None:
    """Something else after each change of a file of votes, or another one in its place; None where there is none."""
    try:
        with os.fdopen(open_there(path), "rb") as file:
            there = os.fstat(file.fileno())
            file.seek(_CHANGES)
            return there.st_ino, there.st_mtime_ns, file.read(_CHANGES_SIZE)
    except FileNotFoundError:
        return None
    except OSError as unread:
        raise RunDirectoryError(f"{path} cannot be read: {unread.strerror}") from unread


class Reviews:
    """The votes of a run.

    Args:
        path: the file; made where it is missing, unless ``read_only``, when nothing is in it.

    Raises:
        RunDirectoryError: it is something else, or of another version.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        if (path.exists() or path.is_symlink()) and not is_plain_file(path):
            raise RunDirectoryError(f"{path} is a link or no regular file; put a copy of the file in its place")
        if not path.exists() and not read_only:
            os.close(open_own(path, os.O_RDWR))
        try:
            self._connection = self._opened("ro" if read_only else "rw") if path.exists() else _empty()
        except sqlite3.DatabaseError as broken:
            raise self._broken(broken) from broken

    def _opened(self, mode: str) -> sqlite3.Connection:
        found = _connected(f"{self.path.resolve().as_uri()}?mode={mode}")
        try:
            (version,) = found.execute("PRAGMA user_version").fetchone()
        except sqlite3.OperationalError as failed:
            found.close()
            if mode == "ro" and failed.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
                return self._opened("rw")  # whoever wrote was killed: a reader that may write takes it back
            raise
        if version not in (0, VERSION):
            found.close()
            raise RunDirectoryError(
                f"{self.path} has version {version} of the votes' file; this version of reasonmed reads version "
                f"{VERSION}"
            )
        if mode == "ro" and version == 0:  # somebody is about to make it
            found.close()
            return _empty()
        found.execute("PRAGMA synchronous=FULL")
        if version == 0:
            _make(found)
        return found

    def _broken(self, failed: sqlite3.Error) -> RunDirectoryError:
        if isinstance(failed, sqlite3.OperationalError):
            return RunDirectoryError(
                f"{self.path} cannot be used: {failed}; see that its folder can be written and its disk is not full"
            )
        return RunDirectoryError(f"{self.path} is no file of votes, or it is damaged: {failed}; {_FIX}")

    def _rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.DatabaseError as broken:
                raise self._broken(broken) from broken

    def _vote(self, content: object) -> Vote:
        try:
            return decoded(str(content).encode(), Vote)
        except Refused as problem:
            raise RunDirectoryError(f"{self.path}: a vote in it: {problem}; {_FIX}") from problem

    def add(self, vote: Vote) -> bool:
        """Keep a vote; returns whether it is new. Its draft is gone."""
        content = msgspec.json.encode(vote).decode()
        values = (vote.target, vote.reviewer, vote.at, content)
        new = self._rows(
            "INSERT OR IGNORE INTO votes (target, reviewer, at, content) VALUES (?, ?, ?, ?) RETURNING vote", *values
        )
        self._rows("DELETE FROM drafts WHERE target = ? AND reviewer = ?", vote.target, vote.reviewer)
        return bool(new)

    def merge(self, votes: Iterable[Vote]) -> Merged:
        """Keep all votes of another file or none; those that are there, also those taken back, are left as they are."""
        self._rows("BEGIN IMMEDIATE")
        try:
            found = [self.add(vote) for vote in votes]
        except BaseException:
            self._rows("ROLLBACK")
            raise
        self._rows("COMMIT")
        return Merged(sum(found), len(found) - sum(found))

    def take_back(self, reviewer: str, at: float) -> Vote | None:
        """Take a reviewer's last vote back; it stays in the file. None where there is none."""
        found = self._rows(_LAST, reviewer)
        if not found:
            return None
        self._rows("UPDATE votes SET taken_back = ? WHERE vote = ?", at, found[0][0])
        return self._vote(found[0][1])

    def votes(self) -> list[Vote]:
        """The last vote of each reviewer on each text, in the order of time; stale ones too."""
        return [self._vote(content) for (content,) in self._rows(_CURRENT)]

    def history(self, target: str) -> list[tuple[Vote, float | None]]:
        """Every vote on a text in the order of time, with when it was taken back."""
        sql = "SELECT content, taken_back FROM votes WHERE target = ? ORDER BY at, vote"
        found = cast("list[tuple[str, float | None]]", self._rows(sql, target))
        return [(self._vote(content), taken_back) for content, taken_back in found]

    def keep_draft(self, target: str, reviewer: str, content: str) -> None:
        """Keep what a reviewer has written so far and not cast."""
        self._rows("INSERT OR REPLACE INTO drafts VALUES (?, ?, ?)", target, reviewer, content)

    def draft(self, target: str, reviewer: str) -> str | None:
        """What a reviewer had written and not cast."""
        found = self._rows("SELECT content FROM drafts WHERE target = ? AND reviewer = ?", target, reviewer)
        return str(found[0][0]) if found else None

    def close(self) -> None:
        """Let go of the file."""
        with closing(self._connection):
            pass


def _connected(where: str) -> sqlite3.Connection:
    return sqlite3.connect(where, uri=True, check_same_thread=False, isolation_level=None, timeout=60)


def _empty() -> sqlite3.Connection:
    found = _connected(":memory:")
    _make(found)
    return found


def _make(connection: sqlite3.Connection) -> None:
    connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {VERSION};COMMIT;")
