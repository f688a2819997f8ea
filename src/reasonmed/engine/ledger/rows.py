"""The rows of a ledger: taken in, in the order of their file, and finished one by one, each with its outcome."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

from msgspec import Meta

from reasonmed.documents import Count
from reasonmed.engine.ledger.packing import encode
from reasonmed.engine.ledger.store import Store
from reasonmed.errors import RunDirectoryError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator

    from reasonmed.engine.job import Job, Kept

Row = TypeVar("Row")
Outcome = TypeVar("Outcome")
_Records = Annotated[int, Meta(ge=0, le=10_000)]
_MARKED = "SELECT 1 FROM facts WHERE name = 'admitted' AND value = ?"
_BEHIND = 1 << 32
"""Added to the positions of what a run has already, so that rows which left the file come after it."""
_PENDING = """
SELECT position, items.story FROM items LEFT JOIN outcomes USING (id)
WHERE outcomes.id IS NULL AND position > ? ORDER BY position LIMIT ?
"""
_FINISHED = """
SELECT position, items.story, outcomes.story FROM items JOIN outcomes USING (id)
WHERE position > ?1 AND position <= ?3 ORDER BY position LIMIT ?2
"""
_POSITIONS = "SELECT position FROM items ORDER BY position"
_ROWS = "SELECT position, story FROM items WHERE position > ? ORDER BY position LIMIT ?"
_LISTED = """
SELECT position, items.story, outcomes.id IS NOT NULL, tier, reason, COALESCE(records, 0)
FROM items LEFT JOIN outcomes USING (id) WHERE position > ? ORDER BY position LIMIT ?
"""
_BEGUN = """
SELECT items.id FROM items LEFT JOIN outcomes USING (id)
WHERE outcomes.id IS NULL AND EXISTS (SELECT 1 FROM calls WHERE question = items.id)
"""
_COUNT_PENDING = "SELECT COUNT(*) FROM items LEFT JOIN outcomes USING (id) WHERE outcomes.id IS NULL"
_RECORDS = "SELECT id, records FROM outcomes WHERE records > 0 AND id > ? ORDER BY id LIMIT ?"
_TROUBLED = "SELECT id FROM outcomes WHERE undecided + missing > 0 OR reason IN ('no_response', 'unverified')"
_KEEP = "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SUMS = """
SELECT tier, reason, COUNT(*), SUM(records), SUM(right), SUM(wrong), SUM(undecided), SUM(missing), SUM(unsampled),
  SUM(prechecked) FROM outcomes GROUP BY tier, reason
"""
_CANARIES = """
SELECT COALESCE(SUM(accepted), 0), COALESCE(SUM(rejected), 0), COALESCE(SUM(canaries.undecided), 0)
FROM canaries JOIN outcomes USING (id)
"""
_MULTIPLES = """
SELECT samples.key, COUNT(*), SUM(samples.value) FROM multiples JOIN outcomes USING (id), json_each(multiples.equal)
AS samples GROUP BY samples.key ORDER BY samples.key
"""


class Range(NamedTuple):
    """Rows that stand together: those behind a position, up to and with another one."""

    behind: int = -1
    last: int = (1 << 63) - 1


EVERY = Range()


class _Group(NamedTuple):
    """Sums over the outcomes of a tier that ended alike."""

    tier: str | None
    reason: str | None
    done: Count
    records: Count
    right: Count
    wrong: Count
    undecided: Count
    missing: Count
    unsampled: Count
    prechecked: Count


class OutcomeSums(NamedTuple):
    """Sums over all outcomes; how many there are of each tier, and of each reason of a failure."""

    done: int
    succeeded: int
    records: int
    right: int
    wrong: int
    undecided: int
    missing: int
    unsampled: int
    prechecked: int
    tiers: dict[str, int]
    reasons: dict[str, int]


class Line(NamedTuple):
    """A row, and what became of it."""

    position: int
    row: bytes
    is_done: int
    tier: str | None
    reason: str | None
    """Why it failed."""
    records: _Records


class Rows(Store):
    """Rows and outcomes."""

    def admit(self, job: Job[Row, Outcome], rows: Iterable[tuple[Row, bool]], mark: str) -> int:
        """Take the wanted ones of rows in, all or none; returns how many are new.

        Each row stands at its place among the rows, and no two at one, whatever was taken in before. Rows and outcomes
        that are there are corrected. ``mark`` names the rows: those that were taken in last are not read again.

        Raises:
            RunDirectoryError: a row with a key that the ledger knows has changed.
        """
        new = 0
        if self.saved is None and next(self.query(_MARKED, mark), None):
            return 0

        def change(connection: sqlite3.Connection) -> None:
            nonlocal new
            connection.execute("UPDATE items SET position = position + ?", (_BEHIND,))
            for position, (row, wanted) in enumerate(rows):
                if not self._stand(connection, position, job, row) and wanted:
                    values = (position, job.key(row), job.hash(row), job.encode(row))
                    connection.execute("INSERT INTO items VALUES (?, ?, ?, ?)", values)
                    new += 1
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('admitted', ?)", (mark,))

        self.apply(change).result()
        return new

    def _stand(self, connection: sqlite3.Connection, position: int, job: Job[Row, Outcome], row: Row) -> bool:
        """Move a row that the ledger has to its place, and correct it; returns whether it has it."""
        key = job.key(row)
        known = connection.execute("SELECT hash FROM items WHERE id = ?", (key,)).fetchone()
        if known is None:
            return False
        if known[0] != job.hash(row):
            run = self.path.parent
            raise RunDirectoryError(
                f"question {key!r} has changed since the run {run} took it in; give the changed question another id, "
                f"or start a new run with -o NEW --fork {run}"
            )
        connection.execute("UPDATE items SET position = ? WHERE id = ?", (position, key))
        for table in ("items", "outcomes"):
            found = connection.execute(f"SELECT story FROM {table} WHERE id = ?", (key,)).fetchone()  # noqa: S608 - ours
            if found is not None:
                new = self.read(found[0], partial(job.renewed, row, table == "outcomes"))
                if new is not None:
                    connection.execute(f"UPDATE {table} SET story = ? WHERE id = ?", (new, key))  # noqa: S608 - ours
        return True

    def pending(self, decode: Callable[[bytes], Row]) -> Iterator[Row]:
        """The rows without an outcome, in order."""
        return (self.read(row, decode) for _, row in self.paged(_PENDING, -1, shape=tuple[int, bytes]))

    def ranges(self, size: int) -> list[Range]:
        """All rows in ranges of this many, in their order."""
        places = [place for (place,) in self.query(_POSITIONS, shape=tuple[int])]
        ends = [*places[size - 1 :: size], *(places[-1:] if len(places) % size else ())]
        return [Range(*pair) for pair in pairwise([-1, *ends])]

    def finished(self, decode: Callable[[bytes], Outcome], within: Range = EVERY) -> Iterator[Outcome]:
        """The outcomes, in the order of their rows."""
        return (self.read(outcome, decode) for _, outcome in self._finished(within))

    def finished_rows(self, decode: Callable[[bytes], Row], within: Range = EVERY) -> Iterator[Row]:
        """The rows that have an outcome, as they were taken in, in order."""
        return (self.read(row, decode) for row, _ in self._finished(within))

    def pairs(
        self, decode: Callable[[bytes], Row], decode_outcome: Callable[[bytes], Outcome]
    ) -> Iterator[tuple[Row, Outcome]]:
        """Each row that has an outcome, with it, in order."""
        return ((self.read(row, decode), self.read(outcome, decode_outcome)) for row, outcome in self._finished())

    def _finished(self, within: Range = EVERY) -> Iterator[tuple[bytes, bytes]]:
        found = self.paged(_FINISHED, within.behind, within.last, shape=tuple[int, bytes, bytes])
        return ((row, outcome) for _, row, outcome in found)

    def rows(self, decode: Callable[[bytes], Row]) -> Iterator[Row]:
        """All rows, as they were taken in, in order."""
        return (self.read(row, decode) for _, row in self.paged(_ROWS, -1, shape=tuple[int, bytes]))

    def lines(self) -> Iterator[Line]:
        """All rows with what became of them, in order; the row itself as it is stored."""
        return self.paged(_LISTED, -1, shape=Line)

    def row(self, key: str, decode: Callable[[bytes], Row]) -> Row | None:
        """A row as it was taken in; None where there is none of this key."""
        found = next(self.query("SELECT story FROM items WHERE id = ?", key, shape=tuple[bytes]), None)
        return None if found is None else self.read(found[0], decode)

    def outcome(self, key: str, decode: Callable[[bytes], Outcome]) -> Outcome | None:
        """The outcome of a row; None where it has none."""
        found = next(self.query("SELECT story FROM outcomes WHERE id = ?", key, shape=tuple[bytes]), None)
        return None if found is None else self.read(found[0], decode)

    async def finish(self, kept: Kept) -> None:
        """Put an outcome on record; returns when it is on disk."""

        def change(connection: sqlite3.Connection) -> None:
            *columns, canaries, multiples = kept
            if canaries is not None:
                connection.execute("INSERT OR REPLACE INTO canaries VALUES (?, ?, ?, ?)", (kept.key, *canaries))
            if multiples:
                row = (kept.key, encode(multiples).decode())
                connection.execute("INSERT OR REPLACE INTO multiples VALUES (?, ?)", row)
            connection.execute(_KEEP, columns)

        await self.change_soon(change)

    def has(self, key: str) -> bool:
        """Whether there is a row of this key."""
        return next(self.query("SELECT 1 FROM items WHERE id = ?", key), None) is not None

    def first_keys(self, count: int) -> list[str]:
        """The keys of the first rows."""
        found = self.query("SELECT id FROM items ORDER BY position LIMIT ?", count, shape=tuple[str])
        return [key for (key,) in found]

    def count(self) -> int:
        """How many rows there are."""
        return next(self.query("SELECT COUNT(*) FROM items", shape=tuple[Count]))[0]

    def count_finished(self) -> int:
        """How many rows have an outcome."""
        return next(self.query("SELECT COUNT(*) FROM outcomes", shape=tuple[Count]))[0]

    def count_pending(self) -> int:
        """How many rows have no outcome."""
        return next(self.query(_COUNT_PENDING, shape=tuple[Count]))[0]

    def begun(self) -> set[str]:
        """The rows without an outcome for which requests are recorded."""
        return {key for (key,) in self.query(_BEGUN, shape=tuple[str])}

    def tiers(self) -> dict[str, str | None]:
        """The tier of each row that has an outcome."""
        return dict(self.query("SELECT id, tier FROM outcomes", shape=tuple[str, str | None]))

    def troubled(self) -> set[str]:
        """The rows whose outcome lacks something for replies that could not be used."""
        return {key for (key,) in self.query(_TROUBLED, shape=tuple[str])}

    def records(self) -> Iterator[tuple[str, int]]:
        """The rows that have records, with the number of these, in the order of keys."""
        return self.paged(_RECORDS, "", shape=tuple[str, _Records])

    def sums(self) -> OutcomeSums:
        """Sums over all outcomes."""
        groups = list(self.query(_SUMS, shape=_Group))
        tiers, reasons = Counter[str](), Counter[str]()
        for one in groups:
            tiers.update({} if one.tier is None else {one.tier: one.done})
            reasons.update({} if one.reason is None else {one.reason: one.done})
        return OutcomeSums(
            done=sum(one.done for one in groups),
            succeeded=sum(one.done for one in groups if one.reason is None),
            records=sum(one.records for one in groups),
            right=sum(one.right for one in groups),
            wrong=sum(one.wrong for one in groups),
            undecided=sum(one.undecided for one in groups),
            missing=sum(one.missing for one in groups),
            unsampled=sum(one.unsampled for one in groups),
            prechecked=sum(one.prechecked for one in groups),
            tiers=dict(sorted(tiers.items())),
            reasons=dict(sorted(reasons.items())),
        )

    def records_by_tier(self) -> dict[str, int]:
        """Records by the tier of their question; an empty one where it has none."""
        sql = "SELECT COALESCE(tier, ''), SUM(records) FROM outcomes WHERE records > 0 GROUP BY tier"
        return dict(sorted(self.query(sql, shape=tuple[str, Count])))

    def canaries(self) -> tuple[int, int, int]:
        """Planted chains that were accepted, rejected, undecided."""
        if not self.has_table("canaries"):
            return 0, 0, 0
        return next(self.query(_CANARIES, shape=tuple[Count, Count, Count]))

    def multiples(self) -> list[tuple[str, int, int]]:
        """By model: rows with several samples, and those where they are equal."""
        return list(self.query(_MULTIPLES, shape=tuple[str, Count, Count])) if self.has_table("multiples") else []
