"""A question of a person to the index: words, filters, an order, a page; and what is found, with counts."""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from reasonmed.web.index import bits
from reasonmed.web.index.bits import among, bits_of, every
from reasonmed.web.index.entry import FACETS
from reasonmed.web.index.words import Terms, terms_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from reasonmed.web.index.file import IndexFile, Line

PAGE = 50
RANKED = 20_000
"""Up to so many hits are put in the order of their rank: that reads all of them."""
SORTS = {
    "": ("Relevance, else file order", ""),
    "file": ("File order", "row"),
    "id": ("Id", "id"),
    "wrong": ("Most wrong chains", "wrong DESC"),
    "low": ("Lowest score", "score IS NULL, score"),
    "high": ("Highest score", "score IS NULL, score DESC"),
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


class _Asked(NamedTuple):
    """What was found as sets, and the order in which it is shown."""

    hits: int
    sets: Mapping[str, int]
    found: int
    order: Sequence[int]
    ranked: bool
    is_search: bool


class State(NamedTuple):
    """The index at one moment: another ``number`` after each change."""

    number: int
    size: int
    facets: Mapping[str, Mapping[str, int]]
    tallies: Mapping[str, int]


class Searcher:
    """Answers on one index, and remembers what takes long for as long as the index stays as it is."""

    def __init__(self, file: IndexFile) -> None:
        self._file = file
        self._remembered: OrderedDict[tuple[object, ...], object] = OrderedDict()

    def find(self, state: State, wanted: Wanted, others: Mapping[str, Mapping[str, int]]) -> Found:
        """A page; ``others`` are facets that are not in the index."""
        facets = {**state.facets, **others}
        asked = self._asked(state, wanted, facets)
        total = asked.found.bit_count()
        pages = max(1, -(-total // PAGE))
        page = min(max(1, wanted.page), pages)
        rows = list(islice(among(asked.order, asked.found), (page - 1) * PAGE, page * PAGE))
        counts = {name: _counts(facets.get(name, {}), _all(asked.hits, _but(asked.sets, name))) for name in FACETS}
        crowded = asked.is_search and not wanted.sort and not asked.ranked
        return Found(self._file.lines(rows), total, pages, page, counts, asked.ranked, crowded)

    def beside(self, state: State, wanted: Wanted, others: Mapping[str, Mapping[str, int]], row: int) -> Beside | None:
        """The neighbors of a row in the order of what is found; None where it is not among it."""
        asked = self._asked(state, wanted, {**state.facets, **others})
        if not asked.found >> row & 1:
            return None
        total = asked.found.bit_count()
        if isinstance(asked.order, range):
            place = (asked.found & every(row)).bit_count() + 1
            return Beside(place, total, bits.before(asked.found, row), bits.after(asked.found, row))
        at = asked.order.index(row)
        earlier = list(among(asked.order[:at], asked.found))
        later = next(among(asked.order[at + 1 :], asked.found), None)
        return Beside(len(earlier) + 1, total, earlier[-1] if earlier else None, later)

    def _asked(self, state: State, wanted: Wanted, facets: Mapping[str, Mapping[str, int]]) -> _Asked:
        terms = terms_of(wanted.text)
        hits = self._hits(state, terms, wanted.within)
        sets = {name: _any(facets.get(name, {}), values) for name, values in wanted.chosen.items() if values}
        ranked = bool(terms.within) and not wanted.sort and hits.bit_count() <= RANKED and self._file.fts
        order = self._order(state, wanted, terms) if ranked else self._sorted(state, wanted.sort)
        return _Asked(hits, sets, _all(hits, sets.values()), order, ranked, bool(terms.within))

    def ids(self, state: State, wanted: Wanted, others: Mapping[str, Mapping[str, int]], most: int) -> list[str]:
        """The ids of what is found, in order, up to a number."""
        found: list[str] = []
        page = 1
        while len(found) < most:
            one = self.find(state, wanted._replace(page=page), others)
            found += [line.id for line in one.lines]
            if page >= one.pages:
                break
            page += 1
        return found[:most]

    def _hits(self, state: State, terms: Terms, within: str) -> int:
        if not terms.within:
            return every(state.size)

        def hits() -> int:
            return bits_of(self._file.matching(terms, within))

        return self._once(("hits", state.number, terms, within), hits)

    def _order(self, state: State, wanted: Wanted, terms: Terms) -> Sequence[int]:
        key = ("rank", state.number, terms, wanted.within)
        return self._once(key, lambda: self._file.by_rank(terms, wanted.within))

    def _sorted(self, state: State, sort: str) -> Sequence[int]:
        order = SORTS.get(sort, SORTS[""])[1]
        if order in ("", "row"):
            return range(state.size)
        return self._once(("sort", state.number, order), lambda: self._file.ordered(order))

    def _once(self, key: tuple[object, ...], make: Callable[[], Made]) -> Made:
        if key not in self._remembered:
            self._remembered[key] = make()
            while len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return cast("Made", self._remembered[key])


def _any(values: Mapping[str, int], chosen: Sequence[str]) -> int:
    found = 0
    for one in chosen:
        found |= values.get(one, 0)
    return found


def _all(hits: int, sets: Iterable[int]) -> int:
    for one in sets:
        hits &= one
    return hits


def _but(sets: Mapping[str, int], name: str) -> list[int]:
    """The other facets' sets: the counts of a facet say what each of its values would give."""
    return [one for other, one in sets.items() if other != name]


def _counts(values: Mapping[str, int], found: int) -> dict[str, int]:
    return {value: (rows & found).bit_count() for value, rows in values.items()}
