"""The index's file: questions, sets of the filters' values, and the texts that are searched. All SQL on it."""

from __future__ import annotations

import sqlite3
import threading
import zlib
from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

import msgspec

from reasonmed.documents import Count, Refused, converted, decoded
from reasonmed.engine.ledger import unpacked
from reasonmed.engine.ledger.repair import is_of_the_disk
from reasonmed.errors import StorageFailed
from reasonmed.files import no_room
from reasonmed.web.index.rows import Rows
from reasonmed.web.index.tables import connected, made, opened
from reasonmed.web.index.words import COLUMNS, expression, folded, spaced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.web.index.entry import Entry
    from reasonmed.web.index.words import Term

_LINES = """
SELECT row, id, stem, outcome, records, wrong, score FROM questions JOIN details USING (row) WHERE row IN ({})
"""
_KNOWN = "SELECT row, facts FROM questions JOIN details USING (row) WHERE id = ?"
_PUT_TEXTS = "INSERT INTO texts (rowid, stem, chains, verdicts) VALUES (?, ?, ?, ?)"
_ANEW = 1 << 32
"""Added to the number of a text for each time that its question changed: without content FTS5 cannot take one out."""
Shape = TypeVar("Shape")
_AT_ONCE, _LONGEST = 500, 4_000_000
_read_facts = msgspec.msgpack.Decoder(tuple[dict[str, list[str]], dict[str, int]]).decode
_pack = msgspec.msgpack.Encoder().encode


class Facts(NamedTuple):
    """What a question counted for: values of facets, tallies."""

    facets: Mapping[str, Sequence[str]]
    tallies: Mapping[str, int]


class Line(NamedTuple):
    """A question in a list."""

    row: int
    id: str
    stem: str
    outcome: str
    records: int
    wrong: int
    score: float | None


class Content(NamedTuple):
    """What an index goes on from: how far it is, sums, and of each row the number of its text that is in use."""

    marks: Mapping[str, int]
    tallies: Mapping[str, int]
    facets: dict[str, dict[str, Rows]]
    versions: array[int]


class IndexFile:
    """One SQLite file; a cache, so that a torn one is made anew. One thread writes, others read.

    Args:
        path: the file, which nobody else writes.
        full_text: whether words are searched by FTS5; else texts are compared one by one.
    """

    def __init__(self, path: Path, *, full_text: bool) -> None:
        self.path, self.fts = path, full_text
        self._lock = threading.Lock()
        self._writer = opened(path, full_text=full_text)
        self._reader = connected(self.path)
        self.torn = False
        """Whether something in it could not be read since it was made."""

    def renew(self) -> None:
        """Take everything out, and begin anew."""
        with self._lock:
            self.close()
            self._writer = made(self.path, full_text=self.fts)
            self._reader = connected(self.path)
            self.torn = False

    def note(self, name: str) -> str | None:
        """What is noted under a name."""
        found = self._rows(tuple[object], "SELECT value FROM notes WHERE name = ?", name)
        return str(found[0][0]) if found else None

    def content(self) -> Content:
        """What is in it.

        Raises:
            Refused: it is torn, or was made by something else.
            StorageFailed: it cannot be read.
        """
        ((first, last, count),) = self._rows(
            tuple[int, int, int], "SELECT COALESCE(MIN(row), 0), COALESCE(MAX(row), -1), COUNT(*) FROM questions"
        )
        if (first, last) != (0, count - 1):
            raise Refused("rows are missing")
        versions = array("I", bytes(4 * count))
        for row, version in converted(
            self._rows(tuple[object, object], "SELECT row, version FROM versions"), list[tuple[Count, Count]]
        ):
            if row >= count or version >= _ANEW:
                raise Refused("a version is of no row")
            versions[row] = version
        facets: dict[str, dict[str, Rows]] = {}
        found = self._rows(tuple[object, ...], "SELECT facet, value, rows FROM facets ORDER BY facet, value")
        for facet, value, blob in converted(found, list[tuple[str, str, bytes]]):
            facets.setdefault(facet, {})[value] = Rows.read(blob, count)
        return Content(self._noted("marks"), self._noted("tallies"), facets, versions)

    def _noted(self, name: str) -> dict[str, int]:
        found = self.note(name)
        return {} if found is None else decoded(found.encode(), dict[str, int])

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What is written inside is on disk at its end, all or nothing.

        Raises:
            StorageFailed: it cannot be written.
        """
        try:
            self._writer.execute("BEGIN")
            yield
            self._writer.execute("COMMIT")
        except sqlite3.Error as failed:
            raise self._failed(failed) from failed
        finally:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def known(self, name: str) -> tuple[int, Facts] | None:
        """What the writer has of a question: its row, and what it counted for.

        Raises:
            StorageFailed: it cannot be read.
        """
        found = self._writer.execute(_KNOWN, (name,)).fetchone()
        if found is None:
            return None
        try:
            return int(found[0]), Facts(*_read_facts(unpacked(found[1])))
        except (Refused, msgspec.MsgspecError) as torn:
            raise self._damaged(torn) from torn

    def put(self, row: int, version: int, entry: Entry, facts: Facts) -> None:
        """Write a question and its texts."""
        counts = (entry.records, entry.wrong, entry.score)
        details = (row, entry.stem, zlib.compress(_pack(facts), 1))
        execute = self._writer.execute
        execute("INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?, ?, ?)", (row, entry.id, entry.outcome, *counts))
        execute("INSERT OR REPLACE INTO details VALUES (?, ?, ?)", details)
        if version:
            execute("INSERT OR REPLACE INTO versions VALUES (?, ?)", (row, version))
        texts = ((spaced if self.fts else folded)(text[:_LONGEST]) for text in entry.texts)
        execute(_PUT_TEXTS, (row + _ANEW * version, *texts))

    def put_sums(self, notes: Mapping[str, str], facets: Iterable[tuple[str, str, bytes]]) -> None:
        """Write what goes with a batch of questions."""
        self._writer.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes.items())
        self._writer.executemany("INSERT OR REPLACE INTO facets VALUES (?, ?, ?)", facets)

    def lines(self, rows: Sequence[int]) -> list[Line]:
        """Questions by their rows, in that order."""
        found: dict[int, Line] = {}
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            found |= {one[0]: Line(*one) for one in self._rows(Line, _LINES.format(_marks(part)), *part)}
        return [found[row] for row in rows if row in found]

    def rows_of(self, names: Sequence[str]) -> list[int]:
        """The rows of questions."""
        found: list[int] = []
        for start in range(0, len(names), _AT_ONCE):
            part = names[start : start + _AT_ONCE]
            query = f"SELECT row FROM questions WHERE id IN ({_marks(part)})"  # noqa: S608 - question marks
            found += [row for (row,) in self._rows(tuple[int], query, *part)]
        return found

    def ordered(self, order: str) -> array[int]:
        """All rows in an order, which is a piece of SQL of ours."""
        listed = f"SELECT row AS number FROM questions ORDER BY {order}, row"  # noqa: S608 - ours
        return array("I", self._numbers(listed))

    def matching(self, terms: Sequence[Term], joint: str, within: str, versions: array[int]) -> array[int]:
        """The rows whose texts, in the versions that are given, have all terms (``AND``) or one of them (``OR``)."""
        if self.fts:
            test, sought = "texts MATCH ?", [expression(terms, joint, within)]
        else:
            whole = " || ' ' || ".join([within] if within in COLUMNS else COLUMNS)
            test = f" {joint} ".join([f"{whole} LIKE ? ESCAPE '\\'"] * len(terms))
            sought = [_like(folded(term.text)) for term in terms]
        numbers = self._numbers(f"SELECT rowid AS number FROM texts WHERE {test}", *sought)  # noqa: S608 - ours
        return self._in_use(numbers, versions)

    def by_rank(self, terms: Sequence[Term], within: str, versions: array[int]) -> array[int]:
        """The rows whose texts have all terms, the best first."""
        query = "SELECT rowid AS number FROM texts WHERE texts MATCH ? ORDER BY rank"
        return self._in_use(self._numbers(query, expression(terms, "AND", within)), versions)

    def _in_use(self, numbers: Iterable[int], versions: array[int]) -> array[int]:
        """The rows of texts; those of questions that came or changed after these versions are left out."""
        size, found = len(versions), array("I")
        if not any(versions):
            return array("I", [number for number in numbers if number < size])
        for number in numbers:
            row = number % _ANEW
            if row < size and versions[row] == number // _ANEW:
                found.append(row)
        return found

    def _numbers(self, sql: str, *values: object) -> Iterator[int]:
        """The numbers that a query lists, as one value: each row would let other threads go first."""
        ((found,),) = self._rows(tuple[str | None], f"SELECT group_concat(number) FROM ({sql})", *values)  # noqa: S608 - ours
        return map(int, found.split(",")) if found else iter(())

    def _rows(self, shape: type[Shape], sql: str, *values: object) -> list[Shape]:  # noqa: ARG002 - for its type
        try:
            with self._lock:
                return cast("list[Shape]", self._reader.execute(sql, values).fetchall())
        except sqlite3.Error as failed:
            raise self._failed(failed) from failed

    def _failed(self, failed: sqlite3.Error) -> StorageFailed:
        return no_room(self.path, failed) if is_of_the_disk(failed) else self._damaged(failed)

    def _damaged(self, found: Exception) -> StorageFailed:
        self.torn = True
        return StorageFailed(f"{self.path} is damaged ({found}); it is being rebuilt: reload the page in a moment")

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
        self._writer.close()


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _like(term: str) -> str:
    escaped = "".join(f"\\{sign}" if sign in "\\%_" else sign for sign in term)
    return f"%{escaped}%"
