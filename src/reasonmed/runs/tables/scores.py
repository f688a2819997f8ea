"""Quality scores of records by tier, source and writer."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Count, Number
from reasonmed.runs.tables.shapes import NONE, Clusters, Key, Mean, Table, mean, named, ordered, quantiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.runs.tables.shapes import Seen

_BOUNDS = (1, 10)


class Scored(Struct, frozen=True):
    """Records of one kind; ``origin`` is the stage that wrote the chain."""

    tier: str
    source: str
    writer: str
    origin: str
    records: Count
    scored: Count
    mean: Mean
    median: Number | None


class Scores:
    """Collects the scores of records."""

    def __init__(self) -> None:
        self._means = Clusters()
        self._points: defaultdict[Key, Counter[int]] = defaultdict(Counter)
        self._records = Counter[Key]()

    def add(self, one: Seen) -> None:
        """Collect the scores of a question's records."""
        given = []
        for number, kept in enumerate((one.story.kept or ())[: one.records], 1):
            points = one.scores.get(number, kept.score)
            for key in _keys(one.tier, one.source, kept.model or NONE, kept.origin):
                self._records[key] += 1
                if points is not None:
                    self._points[key][points] += 1
                    given.append((key, float(points)))
        self._means.add(given)

    def tables(self) -> Iterator[Table]:
        """One table."""
        rows = [self._row(key) for key in ordered(self._records)]
        note = "the scorer's points from 1 to 10, with 95 % intervals clustered by question; a failed score is no score"
        yield Table("scores", "Scores of records", rows, (note,))

    def _row(self, key: Key) -> Scored:
        points = self._points.get(key, Counter())
        tier, source, writer, origin = named(key)
        median = quantiles(points).median
        means = mean(self._means.of(key), *_BOUNDS)
        return Scored(tier, source, writer, origin, self._records[key], points.total(), means, median)


def _keys(tier: str, source: str, writer: str, origin: str) -> list[Key]:
    every: Key = (None, None, None, None)
    return [
        (tier, None, None, None),
        (None, source, None, None),
        (None, None, writer, None),
        (None, None, None, origin),
        every,
    ]
