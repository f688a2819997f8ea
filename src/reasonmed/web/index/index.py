"""An index that follows what it is made from: one thread brings it up to date, others ask it."""

from __future__ import annotations

import time
from array import array
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Refused
from reasonmed.errors import StorageFailed
from reasonmed.web.index.batch import Batch
from reasonmed.web.index.file import IndexFile
from reasonmed.web.index.place import Place
from reasonmed.web.index.rows import bits_of
from reasonmed.web.index.search import Searcher, State
from reasonmed.web.index.tables import has_fts5

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.web.index.entry import Indexed
    from reasonmed.web.index.file import Content, Line
    from reasonmed.web.index.search import Found, Wanted

_BATCH, _SECONDS = 5_000, 5.0
"""A batch is committed after so many entries or seconds: each commit writes all filters that changed anew."""


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
        full_text: whether words are searched by SQLite's FTS5, where this Python has it; else texts are compared one
            by one.

    Raises:
        StorageFailed: its file cannot be written.
    """

    def __init__(self, source: Indexed, *, full_text: bool = True) -> None:
        self._source = source
        self._place = Place(source.index_path)
        self.note = self._place.note
        """What a person should know of where it is."""
        try:
            self._file = IndexFile(self._place.path, full_text=full_text and has_fts5())
        except BaseException:
            self._place.close()
            raise
        self._searcher = Searcher(self._file)
        self._stop = False
        self._total = 0
        self._up_to_date = False
        self.state = State(0, 0, {}, {}, array("I"))
        self._begin()

    def _begin(self) -> None:
        """Go on from what the file has; from nothing where that is of no use any more."""
        self._up_to_date = False
        self._stamp, self._total = self._source.stamp(), self._source.total()
        epoch, number = self.state.epoch + 1, self.state.number + 1
        self._marks: Mapping[str, int] = {}
        self.state = State(number, epoch, {}, {}, array("I"))
        found = self._usable()
        if found is None:
            self._file.renew()
        else:
            self._marks = found.marks
            self.state = State(number + 1, epoch, found.facets, found.tallies, found.versions)

    def _usable(self) -> Content | None:
        """What the file has, where that is whole and was made from what is there now."""
        if self._file.torn:
            return None
        try:
            stamp, found = self._file.note("stamp"), self._file.content()
        except (Refused, StorageFailed):
            return None
        return found if stamp == self._stamp or not found.versions else None

    def catch_up(self) -> None:
        """Bring the index up to date; may take minutes, and is gone on with after a stop.

        Raises:
            ReasonMedError: what it is made from cannot be read, or its file cannot be written.
        """
        while not self._stop and self._batch():
            pass

    def _batch(self) -> bool:
        """Take a number of entries in; returns whether there may be more."""
        if self._file.torn or self._source.stamp() != self._stamp:
            self._begin()
        self._total = self._source.total()
        began, marks, whole = time.monotonic(), self._marks, False
        batch = Batch(self._file, self.state)
        with self._file.writing():
            for step in self._source.steps(marks):
                batch.take(step.entry)
                marks = step.marks
                if batch.taken == _BATCH or time.monotonic() - began > _SECONDS or self._stop:
                    break
            else:
                whole = True
            if batch.taken:
                state = batch.end(self._stamp, marks)
        if batch.taken:
            self._marks, self.state = marks, state
        self._up_to_date = whole
        return not whole

    @property
    def progress(self) -> Progress:
        """How far it is."""
        done = self.state.size
        return Progress(done, max(self._total, done), self._up_to_date)

    def find(self, wanted: Wanted, others: Mapping[str, Mapping[str, int]]) -> Found:
        """A page of questions; ``others`` are facets from other files, as sets of rows."""
        while True:
            state = self.state
            found = self._searcher.find(state, wanted, others)
            if state.epoch == self.state.epoch:  # else its file was made anew under it
                return found

    def ids(self, wanted: Wanted, others: Mapping[str, Mapping[str, int]], most: int) -> list[str]:
        """The ids of questions, in order, up to a number."""
        return self._searcher.ids(self.state, wanted, others, most)

    def neighbors(self, wanted: Wanted, others: Mapping[str, Mapping[str, int]], name: str) -> Neighbors | None:
        """The questions before and after one in the order of what is found; None where it is not among it."""
        known = self._file.rows_of([name])
        found = self._searcher.beside(self.state, wanted, others, known[0]) if known else None
        if found is None:
            return None
        rows = [one for one in (found.before, found.after) if one is not None]
        names = {line.row: line.id for line in self._file.lines(rows)}
        ids = ("" if one is None else names.get(one, "") for one in (found.before, found.after))
        return Neighbors(found.place, found.total, *ids)

    def lines(self, names: Sequence[str]) -> dict[str, Line]:
        """Questions by their ids; those that are not in the index are left out."""
        return {line.id: line for line in self._file.lines(self._file.rows_of(names))}

    def rows(self, names: Mapping[str, set[str]]) -> dict[str, int]:
        """Sets of ids as sets of rows, by their names; ids that are not in the index are left out."""
        return {name: bits_of(self._file.rows_of(sorted(ids))) for name, ids in names.items()}

    def stop(self) -> None:
        """Have ``catch_up`` end soon."""
        self._stop = True

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._place.close()
