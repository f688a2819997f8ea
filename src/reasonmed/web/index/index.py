"""An index that follows what it is made from: one thread brings it up to date, others ask it."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reasonmed.web.index import bits
from reasonmed.web.index.file import IndexFile, Known
from reasonmed.web.index.search import Searcher, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.web.index.entry import Entry, Indexed
    from reasonmed.web.index.file import Line
    from reasonmed.web.index.search import Found, Wanted

_BATCH, _SECONDS = 5_000, 5.0
"""A batch is committed after so many entries or seconds: each commit writes all filters anew."""
_encode, _tallies = msgspec.json.Encoder().encode, msgspec.json.Decoder(dict[str, int]).decode


class Progress(NamedTuple):
    """How far an index is: questions in it, questions there are, and whether it has all that there is."""

    done: int
    total: int
    up_to_date: bool


class Neighbors(NamedTuple):
    """The place of a question among what is found, and the ids beside it; empty at an end."""

    place: int
    total: int
    before: str
    after: str


class Index:
    """The index of one source.

    Args:
        source: what it is made from.
    """

    def __init__(self, source: Indexed) -> None:
        self._source = source
        self._file = IndexFile(source.index_path)
        self._searcher = Searcher(self._file)
        self._stop = False
        self._begin()

    def _begin(self) -> None:
        """Go on from what the file has; from nothing where that is of no use any more."""
        marks = self._noted("marks")
        if self._file.note("stamp") != self._source.stamp():
            self._file.empty()
            marks = {}
        self._marks: Mapping[str, int] = marks
        self._facets: dict[tuple[str, str], bytearray] = {
            (facet, value): bytearray(rows) for facet, value, rows in self._file.facets()
        }
        self._totals = Counter(self._noted("tallies"))
        self._changed: set[tuple[str, str]] = set()
        self._count = self._file.count()
        self._number = 0
        self._up_to_date = False
        self.state = self._published()

    def _noted(self, name: str) -> dict[str, int]:
        found = self._file.note(name)
        return {} if found is None else _tallies(found)

    def catch_up(self) -> None:
        """Bring the index up to date; may take minutes, and is gone on with after a stop."""
        if self._file.note("stamp") not in (None, self._source.stamp()):
            self._begin()
        self._up_to_date = False
        try:
            while not self._stop and self._batch():
                pass
        finally:
            self._file.give_up()

    def _batch(self) -> bool:
        """Take a number of entries in; returns whether there may be more."""
        began, taken = time.monotonic(), 0
        for step in self._source.steps(self._marks):
            if not taken:
                self._file.begin()
            self._take(step.entry)
            taken += 1
            self._marks = step.marks
            if taken == _BATCH or time.monotonic() - began > _SECONDS or self._stop:
                break
        else:
            self._up_to_date = not self._stop
        if taken or self._file.note("stamp") is None:
            if not taken:
                self._file.begin()
            self._commit()
        return bool(taken) and not self._up_to_date

    def _take(self, entry: Entry) -> None:
        known = self._file.known(entry.id)
        if known is not None:
            self._totals.subtract(_tallies(known.tallies))
            self._forget(known.row)
        row, version = (self._count, 0) if known is None else (known.row, known.version + 1)
        self._count = max(self._count, row + 1)
        for facet, values in entry.facets.items():
            for value in values:
                bits.add(self._facets.setdefault((facet, value), bytearray()), row)
                self._changed.add((facet, value))
        self._totals.update(entry.tallies)
        self._file.put(Known(row, version, _encode(entry.tallies).decode()), entry)

    def _forget(self, row: int) -> None:
        for key, rows in self._facets.items():
            if bits.remove(rows, row):
                self._changed.add(key)

    def _commit(self) -> None:
        totals = {name: count for name, count in self._totals.items() if count}
        notes = {"marks": _encode(self._marks).decode(), "tallies": _encode(totals).decode()}
        self._file.commit(
            {"stamp": self._source.stamp(), **notes},
            [(*key, bytes(self._facets[key])) for key in sorted(self._changed)],
        )
        self._changed.clear()
        self.state = self._published()

    def _published(self) -> State:
        self._number += 1
        facets: dict[str, dict[str, int]] = {}
        for (facet, value), rows in sorted(self._facets.items()):
            facets.setdefault(facet, {})[value] = int.from_bytes(rows, "little")
        return State(self._number, self._count, facets, dict(self._totals))

    @property
    def progress(self) -> Progress:
        """How far it is."""
        total = self._source.total()
        return Progress(self.state.size, max(total, self.state.size), self._up_to_date)

    def find(self, wanted: Wanted, others: Mapping[str, Mapping[str, int]]) -> Found:
        """A page of questions; ``others`` are facets from other files, as sets of rows."""
        return self._searcher.find(self.state, wanted, others)

    def ids(self, wanted: Wanted, others: Mapping[str, Mapping[str, int]], most: int) -> list[str]:
        """The ids of questions, in order, up to a number."""
        return self._searcher.ids(self.state, wanted, others, most)

    def neighbors(self, wanted: Wanted, others: Mapping[str, Mapping[str, int]], name: str) -> Neighbors | None:
        """The questions before and after one in the order of what is found; None where it is not among it."""
        row = self._file.row_of(name)
        found = None if row is None else self._searcher.beside(self.state, wanted, others, row)
        if found is None:
            return None
        rows = [one for one in (found.before, found.after) if one is not None]
        names = {line.row: line.id for line in self._file.lines(rows)}
        ids = ("" if one is None else names.get(one, "") for one in (found.before, found.after))
        return Neighbors(found.place, found.total, *ids)

    def lines(self, names: Sequence[str]) -> dict[str, Line]:
        """Questions by their ids; those that are not in the index are left out."""
        rows = [row for name in names if (row := self._file.row_of(name)) is not None]
        return {line.id: line for line in self._file.lines(rows)}

    def rows(self, names: Mapping[str, set[str]]) -> dict[str, int]:
        """Sets of ids as sets of rows, by their names; ids that are not in the index are left out."""
        return {
            name: bits.bits_of(row for one in ids if (row := self._file.row_of(one)) is not None)
            for name, ids in names.items()
        }

    def stop(self) -> None:
        """Have ``catch_up`` end soon."""
        self._stop = True

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
