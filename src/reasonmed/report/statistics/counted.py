"""Means and shares of pieces of questions, from how many questions are alike: exact, and in memory that stays small.

What is counted is a question, by the sum over its pieces and their number. Pieces of one question are no independent
evidence, so that the standard error is that of whole questions.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from reasonmed.report.statistics.intervals import CONFIDENCE, Interval, wilson_of
from reasonmed.report.statistics.students_t import quantile

if TYPE_CHECKING:
    from collections.abc import Mapping

    Counted = Mapping[tuple[float, int], int]
    """Questions by the sum over their pieces and the number of these."""

_NO_WIDTH = 1e-12


def pieces(counted: Counted) -> int:
    """How many pieces there are."""
    return sum(size * questions for (_, size), questions in counted.items())


def total(counted: Counted) -> float:
    """The sum over all pieces."""
    return sum(value * questions for (value, _), questions in counted.items())


def error(counted: Counted) -> float | None:
    """The standard error of the mean over pieces, clustered by question; None for fewer than two questions."""
    n, questions = pieces(counted), sum(counted.values())
    if questions < 2:  # noqa: PLR2004 - a variance takes two
        return None
    mean = total(counted) / n
    squares = sum((value - mean * size) ** 2 * count for (value, size), count in counted.items())
    return sqrt(squares * questions / (questions - 1)) / n


def mean(counted: Counted) -> tuple[float, tuple[float, float] | None] | None:
    """The mean over pieces with its interval (Student's t), None for one question; None of nothing."""
    n = pieces(counted)
    if not n:
        return None
    value, spread = total(counted) / n, error(counted)
    if spread is None:
        return value, None
    half = quantile(CONFIDENCE, sum(counted.values()) - 1) * spread
    return value, (value - half, value + half)


def share(counted: Counted) -> Interval | None:
    """A share of pieces, its interval Wilson's for as many independent pieces as have the clustered error.

    It is never narrower than that of as many independent pieces, and where all are alike it is that of the questions.
    None of nothing.
    """
    n = pieces(counted)
    if not n:
        return None
    rate, spread = total(counted) / n, error(counted)
    effective = float(sum(counted.values()))
    if spread is not None and spread**2 > _NO_WIDTH:
        effective = min(float(n), rate * (1 - rate) / spread**2)
    return wilson_of(rate, effective)
