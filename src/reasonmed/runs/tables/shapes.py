"""What tables are made of: rows that are plain structs, and the values in their cells beside texts and counts."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import accumulate
from math import ceil, floor, inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

from msgspec import Struct

from reasonmed.documents import Count, Number
from reasonmed.report.statistics import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reasonmed.engine.ledger.calls import SpentOn
    from reasonmed.report.statistics.counted import Counted
    from reasonmed.types import Story

Key = tuple[str | None, ...]
"""Names of a kind of piece; None stands for all names."""
NONE, ALL = "none", "all"
"""In the place of a name: nothing is named; whatever is named."""
UNFINISHED = "unfinished"
TIERS = ("easy", "medium", "difficult")


class Table(Struct, frozen=True):
    """A table: its rows are structs of one class, whose fields are the columns."""

    name: str
    title: str
    rows: Sequence[Struct]
    notes: tuple[str, ...] = ()


class Part(Struct, frozen=True):
    """A count of a total, with the share and its 95 % interval, clustered by question; None where it is not known."""

    count: Count | None
    of: Count
    share: Number | None
    low: Number | None
    high: Number | None


class Mean(Struct, frozen=True):
    """A mean with its 95 % interval, clustered by question; None where there is none."""

    mean: Number | None
    low: Number | None
    high: Number | None


class Quantiles(Struct, frozen=True):
    """The middle and the ends of a distribution, interpolated between neighbors; None of nothing."""

    median: Number | None
    p10: Number | None
    p90: Number | None


class Seen(NamedTuple):
    """A question of a run with all that tables say of it."""

    story: Story
    done: bool
    scores: Mapping[int, int | None]
    """By the number of the record, which counts from 1."""
    originals: Mapping[int, int | None]
    """The scores of the chains that refined records stem from, by the number of the record."""
    spent: Sequence[SpentOn]

    @property
    def source(self) -> str:
        """Where the question is from."""
        return self.story.question.source or NONE

    @property
    def tier(self) -> str:
        """Its tier; ``unfinished``, or ``none`` where it failed before it had one."""
        return str(self.story.tier or NONE) if self.done else UNFINISHED

    @property
    def records(self) -> int:
        """How many rows of the data set it has."""
        return 0 if self.story.failure or not self.done else len(self.story.kept or ())


class Group(Protocol):
    """Some tables, about to be counted."""

    def add(self, one: Seen) -> None:
        """Count a question."""
        ...

    def tables(self) -> Iterator[Table]:
        """The tables of all that were counted."""
        ...


class Clusters:
    """Values of pieces of questions by a key, kept as counts of alike questions."""

    def __init__(self) -> None:
        self._found: defaultdict[Key, Counter[tuple[float, int]]] = defaultdict(Counter)

    def add(self, pieces: Iterable[tuple[Key, float]]) -> None:
        """Count one question's pieces: each with its key and its value."""
        own: dict[Key, tuple[float, int]] = {}
        for key, value in pieces:
            before, size = own.get(key, (0.0, 0))
            own[key] = (before + value, size + 1)
        for key, both in own.items():
            self._found[key][both] += 1

    def of(self, key: Key) -> Counted:
        """Questions of a key."""
        return self._found.get(key, Counter())

    def keys(self) -> list[Key]:
        """All keys: the kinds with fewest names first, and all together last."""
        return ordered(self._found)


def ordered(keys: Iterable[Key]) -> list[Key]:
    """Keys by which of their names they have, then by tier and name; all together last."""
    return sorted(keys, key=lambda key: (not any(key), [name is None for name in key], [_place(name) for name in key]))


def named(key: Key) -> list[str]:
    """The names of a key as a row has them."""
    return [ALL if name is None else name for name in key]


def _place(name: str | None) -> tuple[int, str]:
    return (TIERS.index(name) if name in TIERS else len(TIERS), name or "")


def part(found: Counted) -> Part:
    """A share of pieces that are 0 or 1."""
    rate, counts = counted.share(found), (round(counted.total(found)), counted.pieces(found))
    return Part(*counts, None, None, None) if rate is None else Part(*counts, *rate)


def mean(found: Counted, least: float = -inf, most: float = inf) -> Mean:
    """The mean over pieces, its bounds not beyond the least and the most that a piece can be."""
    value = counted.mean(found)
    if value is None:
        return Mean(None, None, None)
    center, bounds = value
    return Mean(center, None, None) if bounds is None else Mean(center, max(least, bounds[0]), min(most, bounds[1]))


def quantiles(lengths: Mapping[int, int]) -> Quantiles:
    """Quantiles of a distribution that is given by how often each value occurs."""
    found = sorted(lengths.items())
    ends = list(accumulate(count for _, count in found))
    if not ends:
        return Quantiles(None, None, None)

    def at(share: float) -> float:
        place = share * (ends[-1] - 1)
        low, high = (found[bisect_right(ends, rank)][0] for rank in (floor(place), ceil(place)))
        return low + (high - low) * (place - floor(place))

    return Quantiles(at(0.5), at(0.1), at(0.9))
