"""Corrections of rows that were taken in: what was corrected, by whom and why, and the outcome that it put aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Count
from reasonmed.engine.ledger.store import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

    from reasonmed.engine.job import Outcome

_CORRECTED = "SELECT id, old, new, who, why FROM corrections ORDER BY correction"
_OF_ROW = "SELECT id, old, new, who, why, story FROM corrections WHERE id = ? ORDER BY correction"
_FORMER = "SELECT id, records FROM corrections WHERE records IS NOT NULL ORDER BY correction"
_NOTE = """
INSERT INTO corrections SELECT NULL, ?1, ?2, ?3, ?4, ?5, (SELECT records FROM outcomes WHERE id = ?1), ?6
"""
_OF_OUTCOME = ("outcomes", "canaries", "multiples")


class Corrected(NamedTuple):
    """A correction of a row: what it was and is, by whom and why."""

    key: str
    old: str | None
    new: str
    who: str
    why: str


class _Noted(NamedTuple):
    key: str
    old: str | None
    new: str
    who: str
    why: str
    former: bytes | None


class Change(NamedTuple):
    """A correction with what a ledger keeps of the row from then on."""

    corrected: Corrected
    hash: bytes
    row: bytes
    former: bytes | None
    """The outcome so far, which is put aside; None where there is none."""
    records: Sequence[str]
    """The records of that outcome."""


class Corrections(Store):
    """Corrections, in the order in which they were made."""

    def correct(self, changes: Sequence[Change]) -> None:
        """Correct rows, all or none: their outcomes are put aside, and they are pending again."""

        def change(connection: sqlite3.Connection) -> None:
            for one in changes:
                key = one.corrected.key
                connection.execute(_NOTE, (*one.corrected, one.former))
                connection.execute("UPDATE items SET hash = ?, story = ? WHERE id = ?", (one.hash, one.row, key))
                for table in _OF_OUTCOME:
                    connection.execute(f"DELETE FROM {table} WHERE id = ?", (key,))  # noqa: S608 - our names
                connection.executemany("DELETE FROM scores WHERE record = ?", [(name,) for name in one.records])
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('state', 'drained')")

        if changes:
            self.apply(change).result()

    def corrections(self) -> list[Corrected]:
        """All corrections."""
        return list(self.query(_CORRECTED, shape=Corrected)) if self.has_table("corrections") else []

    def corrections_of(
        self, row: str, decode: Callable[[bytes], Outcome]
    ) -> Iterator[tuple[Corrected, Outcome | None]]:
        """The corrections of a row, each with the outcome that it put aside; None where there was none."""
        if not self.has_table("corrections"):
            return
        for one in self.query(_OF_ROW, row, shape=_Noted):
            yield Corrected(*one[:-1]), None if one.former is None else self.read(one.former, decode)

    def former_records(self) -> dict[str, int]:
        """How many records corrected rows had at first; rows that had no outcome then are not among them."""
        found: dict[str, int] = {}
        if self.has_table("corrections"):
            for key, records in self.query(_FORMER, shape=tuple[str, Count]):
                found.setdefault(key, records)
        return found
