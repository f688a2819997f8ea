"""Changes of an index that become true together: questions with their texts, and the sums over them."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from reasonmed.web.index.file import Facts
from reasonmed.web.index.rows import NONE
from reasonmed.web.index.search import State

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from reasonmed.web.index.entry import Entry
    from reasonmed.web.index.file import IndexFile

_encode = msgspec.json.Encoder().encode


class Batch:
    """Entries that are written together; what they change of the sums is kept apart until then.

    Args:
        file: the index's file, in a transaction.
        state: the index before them.
    """

    def __init__(self, file: IndexFile, state: State) -> None:
        self._file, self._before = file, state
        self._versions = array("I", state.versions)
        self._tallies = Counter(state.tallies)
        self._changes: dict[tuple[str, str], tuple[set[int], set[int]]] = {}
        self.taken = 0

    def take(self, entry: Entry) -> None:
        """Write an entry, a new one or one that has changed."""
        self.taken += 1
        known = self._file.known(entry.id)
        if known is None:
            row = len(self._versions)
            self._versions.append(0)
        else:
            row, before = known
            self._versions[row] += 1
            self._tallies.subtract(before.tallies)
            self._count(row, before.facets, leave=True)
        facts = Facts({facet: sorted(set(values)) for facet, values in entry.facets.items()}, entry.tallies)
        self._tallies.update(facts.tallies)
        self._count(row, facts.facets, leave=False)
        self._file.put(row, self._versions[row], entry, facts)

    def _count(self, row: int, facets: Mapping[str, Collection[str]], *, leave: bool) -> None:
        for facet, values in facets.items():
            for value in values:
                entered, left = self._changes.setdefault((facet, value), (set(), set()))
                (left if leave else entered).add(row)
                (entered if leave else left).discard(row)

    def end(self, stamp: str, marks: Mapping[str, int]) -> State:
        """Write the sums; returns the index with these entries."""
        facets = {facet: dict(values) for facet, values in self._before.facets.items()}
        for (facet, value), (entered, left) in self._changes.items():
            values = facets.setdefault(facet, {})
            values[value] = values.get(value, NONE).changed(entered, left)
        tallies = {name: count for name, count in self._tallies.items() if count}
        notes = {"stamp": stamp, "marks": _encode(marks).decode(), "tallies": _encode(tallies).decode()}
        self._file.put_sums(notes, [(*key, facets[key[0]][key[1]].blob()) for key in sorted(self._changes)])
        return State(self._before.number + 1, self._before.epoch, facets, tallies, self._versions)
