"""A question of a person to the index: words, filters, an order, a page; and what is found, with counts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from reasonmed.web.index.entry import FACETS
from reasonmed.web.index.rows import NONE, Rows, after, among, before, bits_of, every, flags_of
from reasonmed.web.index.words import terms_of

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reasonmed.web.index.file import IndexFile, Line
    from reasonmed.web.index.words import Term, Terms

PAGE = 50
RANKED = 20_000
"""Up to so many hits are put in the order of their rank: that reads all of them."""
SORTS = {
    "": ("Relevance, else file order", ""),
    "file": ("File order", "row"),
    "id": ("Id", "id"),
    "wrong": ("Most wrong chains", "wrong DESC"),
    "low": ("Lowest score", "score IS NULL, score"),
    "high": ("Highest score", "score DESC"),
    "records": ("Most records", "records DESC"),
}
"""The orders, with the words that a page has for them."""
_REMEMBERED = 32
Made = TypeVar("Made")


class Wanted(NamedTuple):
    """What a person asks for. Values of one facet are alternatives; a question must have one of each facet."""

    text: str = ""
    within: str = ""
    chosen: Mapping[str, Sequence[str]] = {}
    sort: str = ""
    page: int = 1


class Found(NamedTuple):
    """A page of what was found. ``counts`` says for each value of a facet how many more or fewer it would leave."""

    lines: list[Line]
    total: int
    pages: int
    page: int
    counts: dict[str, dict[str, int]]
    ranked: bool
    """Whether the best come first."""
    too_many_to_rank: bool


class Beside(NamedTuple):
    """Where a row is among what is found, from 1, and the rows before and after it."""

    place: int
    total: int
    before: int | None
    after: int | None


class State(NamedTuple):
    """The index at one moment: another ``number`` after each change, another ``epoch`` where its rows are others."""

    number: int
    epoch: int
    facets: Mapping[str, Mapping[str, Rows]]
    tallies: Mapping[str, int]
    versions: array[int]
    """Of each row the number of its text that is in use."""

    @property
    def size(self) -> int:
        """How many questions there are."""
        return len(self.versions)


class _Selection(NamedTuple):
    """What a question to the index selects: by its words, by each filter, by both, and in which order."""

    hits: int
    sets: Mapping[str, int]
    rows: int
    order: range | array[int]
    ranked: bool
    too_many_to_rank: bool


class Searcher:
    """Answers on one index, and remembers what takes long for as long as the index stays as it is."""

    def __init__(self, file: IndexFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._number = -1
        self._remembered: OrderedDict[tuple[object, ...], object] = OrderedDict()

    def find(self, state: State, wanted: Wanted, others: Mapping[str, Mapping[str, int]]) -> Found:
        """A page; ``others`` are facets that are not in the index."""
        facets = _facets(state, others)
        chosen = self._select(state, wanted, facets)
        total = chosen.rows.bit_count()
        pages = max(1, -(-total // PAGE))
        page = min(max(1, wanted.page), pages)
        rows = list(islice(among(chosen.order, chosen.rows), (page - 1) * PAGE, page * PAGE))
        counts = {
            name: _counts(facets.get(name, {}), _all(chosen.hits, _but(chosen.sets, name)), state.size)
            for name in FACETS
        }
        return Found(self._file.lines(rows), total, pages, page, counts, chosen.ranked, chosen.too_many_to_rank)

    def beside(self, state: State, wanted: Wanted, others: Mapping[str, Mapping[str, int]], row: int) -> Beside | None:
        """The neighbors of a row in the order of what is found; None where it is not among it."""
        chosen = self._select(state, wanted, _facets(state, others))
        if not chosen.rows >> row & 1:
            return None
        total = chosen.rows.bit_count()
        if isinstance(chosen.order, range):
            place = (chosen.rows & every(row)).bit_count() + 1
            return Beside(place, total, before(chosen.rows, row), after(chosen.rows, row))
        at = chosen.order.index(row)
        earlier = list(among(chosen.order[:at], chosen.rows))
        later = next(among(chosen.order[at + 1 :], chosen.rows), None)
        return Beside(len(earlier) + 1, total, earlier[-1] if earlier else None, later)

    def ids(self, state: State, wanted: Wanted, others: Mapping[str, Mapping[str, int]], most: int) -> list[str]:
        """The ids of what is found, in order, up to a number."""
        chosen = self._select(state, wanted, _facets(state, others))
        rows = list(islice(among(chosen.order, chosen.rows), most))
        return [line.id for line in self._file.lines(rows)]

    def _select(self, state: State, wanted: Wanted, facets: Mapping[str, Mapping[str, Rows]]) -> _Selection:
        terms = terms_of(wanted.text)
        hits = self._hits(state, terms, wanted.within)
        sets = {name: _any(facets.get(name, {}), values) for name, values in wanted.chosen.items() if values}
        by_rank = bool(terms.within) and not wanted.sort and self._file.fts
        ranked = by_rank and hits.bit_count() <= RANKED
        order = self._by_rank(state, terms, wanted.within) if ranked else self._sorted(state, wanted.sort)
        return _Selection(hits, sets, _all(hits, sets.values()), order, ranked, by_rank and not ranked)

    def _hits(self, state: State, terms: Terms, within: str) -> int:
        found = every(state.size)
        if terms.within:
            found = self._matching(state, terms.within, "AND", within)
        if terms.without:
            found &= ~self._matching(state, terms.without, "OR", within)
        return found

    def _matching(self, state: State, terms: tuple[Term, ...], joint: str, within: str) -> int:
        def found() -> int:
            return bits_of(self._file.matching(terms, joint, within, state.versions))

        return self._once(state, ("hits", terms, joint, within), found)

    def _by_rank(self, state: State, terms: Terms, within: str) -> array[int]:
        def found() -> array[int]:
            return self._file.by_rank(terms.within, within, state.versions)

        return self._once(state, ("rank", terms.within, within), found)

    def _sorted(self, state: State, sort: str) -> range | array[int]:
        order = SORTS.get(sort, SORTS[""])[1]
        if order in ("", "row"):
            return range(state.size)
        return self._once(state, ("sort", order), lambda: self._file.ordered(order))

    def _once(self, state: State, key: tuple[object, ...], make: Callable[[], Made]) -> Made:
        """What is made for a key, made once for each number of the index."""
        with self._lock:
            if state.number > self._number:
                self._number = state.number
                self._remembered.clear()
            if state.number == self._number and key in self._remembered:
                self._remembered.move_to_end(key)
                return cast("Made", self._remembered[key])
        made = make()
        with self._lock:
            if state.number == self._number:
                self._remembered[key] = made
                while len(self._remembered) > _REMEMBERED:
                    self._remembered.popitem(last=False)
        return made


def _facets(state: State, others: Mapping[str, Mapping[str, int]]) -> dict[str, Mapping[str, Rows]]:
    there = every(state.size)
    found = {name: {value: Rows.of(bits & there) for value, bits in values.items()} for name, values in others.items()}
    return {**state.facets, **found}


def _any(values: Mapping[str, Rows], chosen: Iterable[str]) -> int:
    found = 0
    for one in chosen:
        found |= values.get(one, NONE).as_bits()
    return found


def _all(hits: int, sets: Iterable[int]) -> int:
    for one in sets:
        hits &= one
    return hits


def _but(sets: Mapping[str, int], name: str) -> list[int]:
    """The other facets' sets: the counts of a facet say what each of its values would give."""
    return [one for other, one in sets.items() if other != name]


def _counts(values: Mapping[str, Rows], found: int, size: int) -> dict[str, int]:
    """How many of what is found have each value."""
    if found == every(size):
        return {value: rows.size for value, rows in values.items()}
    flags = flags_of(found)
    return {value: rows.count_in(found, flags) for value, rows in values.items()}
