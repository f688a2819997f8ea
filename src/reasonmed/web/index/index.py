"""An index that follows what it is made from: one thread brings it up to date, others ask it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reasonmed.errors import StorageFailed
from reasonmed.web.index import bits
from reasonmed.web.index.file import Known
from reasonmed.web.index.place import Place
from reasonmed.web.index.search import Searcher, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.web.index.entry import Entry, Indexed
    from reasonmed.web.index.search import Found, Wanted

_BATCH, _SECONDS = 5_000, 5.0
"""A batch is committed after so many entries or seconds: each commit writes all filters anew."""
_encode, _tallies = msgspec.json.Encoder().encode, msgspec.json.Decoder(dict[str, int]).decode


class Progress(NamedTuple):
    """How far an index is: questions in it, questions there are, and whether it has all that there is."""

    done: int
    total: int
    up_to_date: bool


class Index:
    """The index of one source.

    Args:
        source: what it is made from.
    """

    def __init__(self, source: Indexed) -> None:
        self._source = source
        self._place = Place(source.index_path)
        self.note = self._place.note
        """What a person should know of where it is."""
        self._file = self._place.file
        self._searcher = Searcher(self._file)
        self._stop = False
        self._writing = threading.Lock()
        self._number = self._total = 0
        try:
            self._resume()
        except BaseException:
            self._place.close()
            raise

    def _resume(self) -> None:
        try:
            self._begin()
        except StorageFailed:
            if not self._file.torn:
                raise
            self._file.renew()
            self._begin()

    def _begin(self) -> None:
        """Go on from what the file has; from nothing where that is of no use any more."""
        self._stamp = self._source.stamp()
        if self._file.note("stamp") != self._stamp:
            self._file.empty()
        self._load()

    def _load(self) -> None:
        self._marks: Mapping[str, int] = self._noted("marks")
        self._facets: dict[tuple[str, str], bytearray] = {
            (facet, value): bytearray(rows) for facet, value, rows in self._file.facets()
        }
        self._totals = Counter(self._noted("tallies"))
        self._changed: set[tuple[str, str]] = set()
        self._count = self._file.count()
        self._up_to_date = False
        self.state = self._published()

    def _noted(self, name: str) -> dict[str, int]:
        found = self._file.note(name)
        return {} if found is None else _tallies(found)

    def catch_up(self) -> None:
        """Bring the index up to date; may take minutes, and is gone on with after a stop."""
        with self._writing:
            self._catch_up()

    def _catch_up(self) -> None:
        if self._file.torn:
            self._file.renew()
            self._begin()
        try:
            if self._stamp != self._source.stamp():
                self._begin()
            self._up_to_date = False
            self._total = self._source.total()
            while not self._stop and self._batch():
                self._total = self._source.total()
        except sqlite3.OperationalError as failed:
            self._take_back()
            raise StorageFailed(f"{self._file.path} cannot be written: {failed}; make room on its disk") from failed
        except sqlite3.DatabaseError:
            self._file.torn = True
        except BaseException:
            self._take_back()
            raise

    def _take_back(self) -> None:
        """Forget a batch that was not ended."""
        self._file.give_up()
        self._load()

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
            {"stamp": self._stamp, **notes},
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
        return Progress(self.state.size, max(self._total, self.state.size), self._up_to_date)

    def find(self, wanted: Wanted, others: Mapping[str, Mapping[str, int]]) -> Found:
        """A page of questions; ``others`` are facets from other files, as sets of rows."""
        return self._searcher.find(self.state, wanted, others)

    def ids(self, wanted: Wanted, others: Mapping[str, Mapping[str, int]], most: int) -> list[str]:
        """The ids of questions, in order, up to a number."""
        return self._searcher.ids(self.state, wanted, others, most)

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
        self._place.close()
