"""Quantiles of Student's t distribution with whole degrees of freedom, on the standard library alone."""

from __future__ import annotations

from functools import lru_cache
from math import atan, cos, pi, sin, sqrt
from statistics import NormalDist

_STEPS = 60
_MANY = 20
"""Degrees of freedom beyond which the expansion around the normal quantile is right to four digits."""


@lru_cache(maxsize=4096)
def quantile(confidence: float, freedom: int) -> float:
    """The half-width of a two-sided interval in standard errors: 4.30 for 0.95 and 2 degrees of freedom.

    Raises:
        ValueError: there is no degree of freedom.
    """
    if freedom < 1:
        raise ValueError(f"{freedom} degrees of freedom: it takes 1 or more")
    if freedom > _MANY:
        return _expanded(NormalDist().inv_cdf(0.5 + confidence / 2), freedom)
    low, high = 0.0, 1.0
    while _within(high, freedom) < confidence:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < confidence else (low, middle)
    return high


def _expanded(z: float, freedom: int) -> float:
    """Abramowitz and Stegun 26.7.5."""
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / float(freedom) ** order for order, term in enumerate(terms, 1))


def _within(value: float, freedom: int) -> float:
    """The probability between ``-value`` and ``value`` (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = atan(value / sqrt(freedom))
    odd = freedom % 2
    term = total = cos(angle) if odd else 1.0
    for factor in range(2 if odd else 1, freedom - 2, 2):
        term *= cos(angle) ** 2 * factor / (factor + 1)
        total += term
    if not odd:
        return sin(angle) * total
    return 2 / pi * (angle + (sin(angle) * total if freedom > 1 else 0.0))
