"""Rates with intervals: Wilson for independent questions, clustered standard errors where each is asked repeatedly."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    Groups = Sequence[Hashable] | None
    """What each question is: equal entries are copies of one question; None where there are no copies."""

CONFIDENCE = 0.95
_NO_WIDTH = 1e-12
"""Variances up to here are rounding errors of nought."""


class Interval(NamedTuple):
    """A value with the bounds of its confidence interval."""

    value: float
    low: float
    high: float


def two_sided(confidence: float = CONFIDENCE) -> float:
    """The normal quantile of a two-sided interval: 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(right: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """A rate with its Wilson score interval (Wilson, 1927), which stays within 0 and 1 and works for 0 of n.

    Raises:
        ValueError: there are no questions, or more right ones than questions.
    """
    if not 0 <= right <= n or n == 0:
        raise ValueError(f"{right} of {n} is no rate")
    return wilson_of(right / n, n, confidence)


def wilson_of(rate: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """A rate with the Wilson score interval of ``n`` independent trials, which need not be a whole number."""
    z = two_sided(confidence)
    scale = 1 + z * z / n
    center = (rate + z * z / (2 * n)) / scale
    half = z * sqrt(max(0.0, rate * (1 - rate)) / n + z * z / (4 * n * n)) / scale
    return Interval(rate, min(rate, max(0.0, center - half)), max(rate, min(1.0, center + half)))


def standard_error(means: Sequence[float], groups: Groups = None) -> float:
    """Standard error of the mean of questions' means: clustered by question, however often each was asked.

    Copies of a question, which have the same entry in ``groups``, are one cluster.

    Raises:
        ValueError: there are fewer than two questions.
    """
    n, sums = len(means), _sums(means, groups)
    clusters = len(sums)
    if clusters < 2:  # noqa: PLR2004 - a variance takes two
        raise ValueError(f"a standard error takes two questions or more, not {clusters}")
    return sqrt(sum(one * one for one in sums) * clusters / (clusters - 1)) / n


def _sums(means: Sequence[float], groups: Groups) -> list[float]:
    """Deviations from the mean, summed over the copies of each question."""
    mean = sum(means) / len(means) if means else 0.0
    if groups is None:
        return [one - mean for one in means]
    found: dict[Hashable, float] = {}
    for one, group in zip(means, groups, strict=True):
        found[group] = found.get(group, 0.0) + one - mean
    return list(found.values())


def mean_rate(means: Sequence[float], groups: Groups = None, confidence: float = CONFIDENCE) -> Interval:
    """The mean over questions of the share of right answers to each, with an interval.

    Where every share is 0 or 1 (asked once, or always alike) this is a plain rate with its Wilson interval. Else it is
    Wilson's interval for the number of independent questions that would have the clustered standard error.

    Raises:
        ValueError: there are no questions.
    """
    n = len(means)
    if n == 0:
        raise ValueError("no questions have no rate")
    clusters = len(set(groups)) if groups is not None else n
    if clusters == n and all(one in (0.0, 1.0) for one in means):
        return wilson(round(sum(means)), n, confidence)
    rate = sum(means) / n
    variance = standard_error(means, groups) ** 2 if clusters > 1 else 0.0
    effective = rate * (1 - rate) / variance if variance > _NO_WIDTH else float(clusters)
    if clusters == n:
        effective = max(float(n), effective)
    return wilson_of(rate, effective, confidence)


def macro_average(
    parts: Sequence[Sequence[float]], groups: Sequence[Groups] | None = None, confidence: float = CONFIDENCE
) -> Interval:
    """The mean of the parts' means, each part counting the same, with a normal interval.

    Raises:
        ValueError: a part has no questions.
    """
    if not parts or any(not part for part in parts):
        raise ValueError("every part needs questions")
    value = sum(sum(part) / len(part) for part in parts) / len(parts)
    errors = [_error(part, same) for part, same in zip(parts, groups or [None] * len(parts), strict=True)]
    half = two_sided(confidence) * sqrt(sum(error * error for error in errors)) / len(parts)
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def _error(part: Sequence[float], groups: Groups) -> float:
    """A part's standard error; where all its answers are alike, with two right and two wrong ones added."""
    clusters = len(set(groups)) if groups is not None else len(part)
    error = standard_error(part, groups) if clusters > 1 else 0.0
    if error > 0:
        return error
    n = clusters + 4
    rate = (sum(part) * clusters / len(part) + 2) / n
    return sqrt(rate * (1 - rate) / n)
