"""Krippendorff's alpha for categories, with an interval from a bootstrap over clusters (Krippendorff, 2011)."""

from __future__ import annotations

from collections import Counter
from math import isnan
from random import Random
from typing import TYPE_CHECKING

from reasonmed.report.statistics.intervals import CONFIDENCE, Interval, wilson
from reasonmed.report.statistics.paired import quantile_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    Unit = Sequence[Hashable]
    """What raters say of one thing, a value a rater; raters who say nothing of it are left out."""
    Sums = Sequence[float]
    """The pairs of values that disagree, and how often each value is in a pair; those of n values count 1 / (n - 1)."""

RESAMPLES = 2000
_MOST_ROWS = 400
"""Clusters beyond which several at a time are drawn: it bounds the work and changes the interval little."""


def alpha(units: Iterable[Unit]) -> float:
    """Agreement beyond chance: 1 is full agreement, 0 what chance gives. Units of fewer than two values tell nothing.

    Not a number where it is not defined: no unit has two values, or all values are the same.
    """
    told = list(units)
    return _alpha(_sums(told, _values(told)))


def alpha_by_cluster(
    clusters: Iterable[Sequence[Unit]], *, seed: int = 0, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> Interval:
    """Alpha with a percentile interval from a seeded bootstrap over clusters of units, such as a question's steps.

    Resamples in which alpha is not defined are left out. Where nobody disagrees, which gives a bootstrap no width, the
    interval is that of full agreement in so many clusters (Wilson), with the agreement by chance as it is. From -1 to 1
    where alpha is not defined, and where one cluster is all there is.
    """
    told = [one for one in clusters if any(len(unit) > 1 for unit in one)]
    values = _values(unit for one in told for unit in one)
    rows = [_sums(one, values) for one in told]
    whole = _added(rows)
    value = _alpha(whole)
    if isnan(value) or len(rows) == 1:
        return Interval(value, -1.0, 1.0)
    if not whole[0]:
        agreed = wilson(len(rows), len(rows), confidence).low
        return Interval(value, max(-1.0, 1 - (1 - agreed) / _by_chance(whole)), 1.0)
    rows = [_added(rows[place::_MOST_ROWS]) for place in range(min(_MOST_ROWS, len(rows)))]
    draw = Random(seed)  # noqa: S311 - a resample guards nothing
    drawn = (_alpha(_added(draw.choices(rows, k=len(rows)))) for _ in range(resamples))
    ordered = sorted(one for one in drawn if not isnan(one))
    if not ordered:
        return Interval(value, -1.0, 1.0)
    cut = (1 - confidence) / 2
    return Interval(value, min(value, quantile_of(ordered, cut)), max(value, quantile_of(ordered, 1 - cut)))


def _values(units: Iterable[Unit]) -> list[Hashable]:
    return list(dict.fromkeys(value for unit in units if len(unit) > 1 for value in unit))


def _sums(units: Iterable[Unit], values: Iterable[Hashable]) -> Sums:
    apart, counted = 0.0, Counter[object]()
    for unit in units:
        if len(unit) > 1:
            counts = Counter(unit)
            apart += (len(unit) ** 2 - sum(count * count for count in counts.values())) / (len(unit) - 1)
            counted.update(counts)
    return (apart, *(counted[value] for value in values))


def _added(rows: Iterable[Sums]) -> Sums:
    return tuple(map(sum, zip(*rows, strict=True))) or (0.0,)


def _alpha(sums: Sums) -> float:
    by_chance = _by_chance(sums)
    return 1 - sums[0] / sum(sums[1:]) / by_chance if by_chance else float("nan")


def _by_chance(sums: Sums) -> float:
    """The share of disagreements that chance gives."""
    n = sum(sums[1:])
    return (n * n - sum(count * count for count in sums[1:])) / (n * (n - 1)) if n > 1 else 0.0
