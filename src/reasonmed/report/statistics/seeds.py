"""Several trainings of each kind on the same questions: a difference whose error has both draws in it.

Questions are one draw, the same for all trainings; seeds are the other. The error of a group's mean has a part of each:

- the questions: the standard error of the questions' means over seeds, with n - 1 degrees of freedom;
- the seeds: the variance of the seeds' means beyond what the draw of questions explains, with k - 1.

The half-width of an interval is the root of the sum of both squared half-widths, each with its own quantile of
Student's t, so that two or three seeds give the wide interval that they deserve.
"""

from __future__ import annotations

from math import sqrt
from statistics import fmean, variance
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.statistics.intervals import CONFIDENCE, Interval, standard_error
from reasonmed.report.statistics.power import POWER
from reasonmed.report.statistics.students_t import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FEWEST = 3
"""Seeds of which the variance of training is estimated."""
_STEPS = 30

Matrix = list[list[float]]
"""Shares of right answers: one list a seed, one number a question, in the same order everywhere."""


class Part(NamedTuple):
    """A share of an estimate's variance, with its degrees of freedom."""

    variance: float
    freedom: int


class Estimate(NamedTuple):
    """A value with the parts of its variance."""

    value: float
    parts: tuple[Part, ...]

    def half(self, confidence: float = CONFIDENCE) -> float:
        """Half the width of its interval; of a single question, which shows nothing, as wide as can be."""
        if not self.parts:
            return 1.0
        return sqrt(sum(quantile(confidence, part.freedom) ** 2 * part.variance for part in self.parts))

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """Its interval."""
        half = self.half(confidence)
        return Interval(self.value, self.value - half, self.value + half)

    def detectable(self, level: float) -> float:
        """The smallest true value that a test at this level finds with 80 % power, given these parts."""
        return self.half(1 - level) + self.half(2 * POWER - 1)

    @property
    def p(self) -> float:
        """One less the confidence at which the interval ends at 0."""
        if not self.parts:
            return 1.0
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.half(1 - middle) <= abs(self.value) else (middle, high)
        return high


def mean(found: Matrix) -> Estimate:
    """The mean of a group over its seeds and questions."""
    means = _by_question(found)
    return Estimate(fmean(means), (*_questions(means), *_seeds(found)))


def difference(first: Matrix, second: Matrix) -> Estimate:
    """The second group's mean less the first's. A group of fewer than three seeds counts as the models that it is."""
    gaps = [other - one for one, other in zip(_by_question(first), _by_question(second), strict=True)]
    return Estimate(fmean(gaps), (*_questions(gaps), *_seeds(first), *_seeds(second)))


def foreseen(first: Matrix, second: Matrix, spread_: float) -> Estimate:
    """What a difference's error is expected to be, with a variance of seeds that is known from more than these two.

    Two groups of three seeds know their own variance so badly that as often as not it is far too small.
    """
    gaps = [other - one for one, other in zip(_by_question(first), _by_question(second), strict=True)]
    seeds = (Part(spread_ / len(one), len(one) - 1) for one in (first, second) if len(one) >= FEWEST)
    return Estimate(fmean(gaps), (*_questions(gaps), *seeds))


def spread(groups: Iterable[Matrix]) -> float:
    """The variance of one training's mean beyond what the draw of questions explains, over all groups that show it."""
    found = [(value, len(one) - 1) for one in groups if (value := _spread(one)) is not None]
    return max(0.0, sum(value * freedom for value, freedom in found) / sum(freedom for _, freedom in found or [(0, 1)]))


def _by_question(found: Matrix) -> list[float]:
    return [sum(column) / len(found) for column in zip(*found, strict=True)]


def _questions(means: Sequence[float]) -> tuple[Part, ...]:
    """The questions' part, with half a question won and half a one lost besides, so that it is never nought."""
    n = len(means)
    least = 1 / (n + 2) ** 2
    return (Part(max(standard_error(means) ** 2, least), n - 1),) if n > 1 else ()


def _seeds(found: Matrix) -> tuple[Part, ...]:
    """The seeds' part: nothing below three seeds, where it cannot be estimated."""
    k, value = len(found), _spread(found)
    return () if value is None else (Part(max(0.0, value) / k, k - 1),)


def _spread(found: Matrix) -> float | None:
    """The same of one group, below 0 where the seeds differ less than chance has it; None of too few seeds."""
    k, n = len(found), len(found[0])
    if k < FEWEST or n < 2:  # noqa: PLR2004 - a variance takes two
        return None
    rows, columns, whole = [fmean(row) for row in found], _by_question(found), fmean(map(fmean, found))
    rest = sum(
        (value - rows[seed] - columns[place] + whole) ** 2
        for seed, row in enumerate(found)
        for place, value in enumerate(row)
    )
    by_chance = rest / (n - 1) / (k - 1) / n
    return variance(rows) - by_chance
