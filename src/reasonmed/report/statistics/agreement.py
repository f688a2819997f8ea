"""Shares that may count nothing, agreement of two raters, and the gap between two shares."""

from __future__ import annotations

from math import sqrt

from reasonmed.report.statistics.intervals import CONFIDENCE, Interval, two_sided, wilson

_NO_WIDTH = 1e-12
"""Variances up to here are rounding errors of nought."""


def proportion(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """A share with its Wilson interval; not a number, from 0 to 1, where nothing was counted."""
    return wilson(successes, n, confidence) if n or successes else Interval(float("nan"), 0.0, 1.0)


def kappa(both: int, first: int, second: int, neither: int, confidence: float = CONFIDENCE) -> Interval:
    """Cohen's kappa of two raters who say yes or no, with its large-sample interval (Fleiss, Cohen, Everitt 1969).

    Args:
        both: how often both say yes.
        first: how often only the first does.
        second: how often only the second does.
        neither: how often both say no.
        confidence: of the interval.

    Not a number, from -1 to 1, where it is not defined: nothing was counted, or both always say the same one thing.
    Where the formula gives no width (full agreement, or a rater who never varies), the interval is that of the observed
    agreement (Wilson), with the agreement by chance as it is.
    """
    n = both + first + second + neither
    if n == 0:
        return Interval(float("nan"), -1.0, 1.0)
    table = ((both / n, first / n), (second / n, neither / n))
    rows = [sum(row) for row in table]
    columns = [table[0][place] + table[1][place] for place in (0, 1)]
    observed = table[0][0] + table[1][1]
    expected = sum(rows[place] * columns[place] for place in (0, 1))
    if expected == 1:
        return Interval(float("nan"), -1.0, 1.0)
    value = (observed - expected) / (1 - expected)
    agreeing = sum(table[i][i] * (1 - (rows[i] + columns[i]) * (1 - value)) ** 2 for i in (0, 1))
    apart = (1 - value) ** 2 * sum(table[i][1 - i] * (columns[i] + rows[1 - i]) ** 2 for i in (0, 1))
    variance = (agreeing + apart - (value - expected * (1 - value)) ** 2) / (n * (1 - expected) ** 2)
    if variance <= _NO_WIDTH:
        ends = wilson(both + neither, n, confidence)[1:]
        low, high = ((end - expected) / (1 - expected) for end in ends)
        return Interval(value, max(-1.0, low), min(1.0, high))
    half = two_sided(confidence) * sqrt(variance)
    return Interval(value, max(-1.0, value - half), min(1.0, value + half))


def difference(one: Interval, other: Interval) -> Interval:
    """The difference of two independent shares, from their Wilson intervals (Newcombe, Stat Med 1998, method 10)."""
    gap = one.value - other.value
    low = gap - sqrt((one.value - one.low) ** 2 + (other.high - other.value) ** 2)
    high = gap + sqrt((one.high - one.value) ** 2 + (other.value - other.low) ** 2)
    return Interval(gap, max(-1.0, low), min(1.0, high))
