"""Shares of pieces of which questions have unlike numbers: a bootstrap over questions, and the judge's own errors.

The share of wrong steps is a sum over a sum. Steps of one answer are alike, so that what is drawn is a question with
all of its steps. ``corrected`` is the share that a judge of known sensitivity and specificity would have found had it
made no errors (Rogan and Gladen, 1978).
"""

from __future__ import annotations

from math import sqrt
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.statistics.intervals import CONFIDENCE, Interval, standard_error, two_sided, wilson
from reasonmed.report.statistics.paired import quantile_of, sign_flip
from reasonmed.report.statistics.strata import over

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

RESAMPLES = 2_000


class Of(NamedTuple):
    """One question: so much, of so many."""

    part: float
    whole: float


class Judge(NamedTuple):
    """What a judge is worth on pieces of known truth: shares of faulty ones that it flags, of sound ones it passes."""

    sensitivity: Interval
    specificity: Interval

    @property
    def informs(self) -> float:
        """Youden's index, sensitivity + specificity - 1; at 0 or below it the judge's word says nothing."""
        return self.sensitivity.value + self.specificity.value - 1


def ratio(counts: Sequence[Of], *, seed: int = 0, resamples: int = RESAMPLES) -> Interval | None:
    """The sum of the parts over that of the wholes, with a percentile interval; None of nothing."""
    return _bootstrapped(counts, lambda sums: over(sums[0], sums[1]), seed, resamples)


def share(counts: Sequence[Of], *, seed: int = 0, resamples: int = RESAMPLES) -> Interval | None:
    """A ratio between 0 and 1. At 0 and 1 a resample shows no spread, and the interval is Wilson's over questions."""
    found = ratio(counts, seed=seed, resamples=resamples)
    if found is None or 0 < found.value < 1:
        return found
    n = sum(one.whole > 0 for one in counts)
    return wilson(round(found.value * n), n)


def ratio_difference(
    pairs: Sequence[tuple[Of, Of]], *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[float, float, Interval] | None:
    """The ratios of both sides and the second less the first, by resamples of questions with both of their answers."""
    rows = [(*first, *second) for first, second in pairs]
    found = _bootstrapped(rows, lambda sums: _less(over(sums[2], sums[3]), over(sums[0], sums[1])), seed, resamples)
    if found is None:
        return None
    first, second = (
        sum(pair[side].part for pair in pairs) / sum(pair[side].whole for pair in pairs) for side in (0, 1)
    )
    return first, second, found


def ratio_p(pairs: Sequence[tuple[Of, Of]], *, seed: int = 0) -> float:
    """Two-sided p value of a difference of ratios: were the sides alike, which of them gave which answer is chance.

    With the ratio of both together, which no exchange changes, each question's part in the difference turns its sign.
    A few rare pieces on one side alone are so few here as they are, for which a bootstrap's interval is too narrow.
    """
    both = sum(one.part + other.part for one, other in pairs) / sum(one.whole + other.whole for one, other in pairs)
    gaps = [(other.part - both * other.whole) - (one.part - both * one.whole) for one, other in pairs]
    return sign_flip(gaps, seed=seed, draws=RESAMPLES)


def corrected(counts: Sequence[Of], judge: Judge) -> Interval | None:
    """The share of faulty pieces given the share that the judge flags; None where its word says nothing.

    The interval is by the delta method over all three shares: that of the flagged ones clustered by question, the
    judge's with the errors that their intervals have, which are not nothing for a judge without a mistake on few
    pieces. With six kinds of simulated judges it covered the truth in 94 to 97 of 100 simulations; resampling all
    three shares did so in 92 to 96, with four of them.
    """
    total = sum(one.whole for one in counts)
    if judge.informs <= 0 or not total:
        return None
    rate = sum(one.part for one in counts) / total
    raw = (rate + judge.specificity.value - 1) / judge.informs
    z = two_sided(CONFIDENCE)
    flags, passes = ((one.high - one.low) / (2 * z) for one in judge)
    half = z * sqrt(_error(counts) ** 2 + (raw * flags) ** 2 + ((1 - raw) * passes) ** 2) / judge.informs
    return Interval(*(min(1.0, max(0.0, one)) for one in (raw, raw - half, raw + half)))


def _error(counts: Sequence[Of]) -> float:
    """The standard error of a share, clustered by question; where all are alike, with two flagged and two others."""
    units = [(value, place) for place, one in enumerate(counts) for value in _units(one)]
    clusters = sum(one.whole > 0 for one in counts)
    error = standard_error([value for value, _ in units], [place for _, place in units]) if clusters > 1 else 0.0
    if error:
        return error
    rate = (sum(value for value, _ in units) / len(units) * clusters + 2) / (clusters + 4)
    return sqrt(rate * (1 - rate) / (clusters + 4))


def _units(one: Of) -> list[float]:
    return [1.0] * round(one.part) + [0.0] * round(one.whole - one.part)


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _bootstrapped(
    rows: Sequence[tuple[float, ...]],
    value: Callable[[Sequence[float]], float | None],
    seed: int,
    resamples: int,
) -> Interval | None:
    """A value of the sums of rows, with the interval of resampled rows; a resample without a value counts for none."""
    found = value([sum(column) for column in zip(*rows, strict=True)]) if rows else None
    if found is None:
        return None
    draw = Random(seed)  # noqa: S311 - a resample guards nothing
    drawn = (draw.choices(rows, k=len(rows)) for _ in range(resamples))
    values = (value([sum(column) for column in zip(*chosen, strict=True)]) for chosen in drawn)
    ordered = sorted(one for one in values if one is not None)
    cut = (1 - CONFIDENCE) / 2
    return Interval(found, quantile_of(ordered, cut), quantile_of(ordered, 1 - cut)) if ordered else None
