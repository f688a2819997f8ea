"""The smallest true difference that so many questions show: 80 % power, two-sided 5 %."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, exp, lgamma, log, sqrt
from statistics import NormalDist

from reasonmed.report.statistics.intervals import two_sided

POWER = 0.8
LEVEL = 0.05
_STEPS = 18
_HALF_WIDTH = 1.2
"""Half of a binomial count's standard deviations in which its lower 2.5 % begin, and some more."""
_FAR = 5.0
"""Standard deviations beyond which a binomial count is not looked for."""


def detectable_unpaired(n: int, rate: float, power: float = POWER) -> float:
    """The smallest gap between two models, each asked n questions of its own, of which one has this rate.

    Normal approximation, of both rates near this one.

    Raises:
        ValueError: there are no questions.
    """
    if n < 1:
        raise ValueError(f"{n} questions have no power")
    return min(1.0, (two_sided() + NormalDist().inv_cdf(power)) * sqrt(2 * rate * (1 - rate) / n))


def detectable_spread(n: int, deviation: float, power: float = POWER) -> float | None:
    """The smallest gap on n questions whose differences have this standard deviation; normal approximation.

    None where nothing varies, so that nothing is known of how far answers would differ.
    """
    return (two_sided() + NormalDist().inv_cdf(power)) * deviation / sqrt(n) if deviation > 0 else None


@lru_cache(maxsize=256)
def detectable_paired(n: int, discordant: float, power: float = POWER) -> float | None:
    """The smallest gap on the same n questions, of which a share gets a right answer from just one of the two.

    By the power of the exact McNemar test itself. A gap cannot exceed the discordant share: None where even the
    largest possible one would be missed.

    Raises:
        ValueError: there are no questions.
    """
    if n < 1:
        raise ValueError(f"{n} questions have no power")
    if discordant <= 0 or power_paired(n, discordant, discordant) < power:
        return None
    low, high = 0.0, discordant
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if power_paired(n, discordant, middle) < power else (low, middle)
    return high


def power_paired(n: int, discordant: float, gap: float) -> float:
    """How often the exact McNemar test finds a gap: over the number of discordant questions, and over who wins them."""
    leading = (discordant + gap) / (2 * discordant)
    found = 0.0
    for count, chance in _binomial(n, discordant):
        most = critical(count)
        if most is not None:
            found += chance * (_up_to(count, leading, most) + _up_to(count, 1 - leading, most))
    return found


@lru_cache(maxsize=8192)
def critical(count: int) -> int | None:
    """The most wins of the loser among so many discordant questions at which the test is significant."""
    found = max(-1, int(count / 2 - _HALF_WIDTH * sqrt(count)) - 2)
    while 2 * _up_to(count, 0.5, found + 1) < LEVEL:
        found += 1
    return found if found >= 0 else None


def _binomial(n: int, chance: float) -> list[tuple[int, float]]:
    """Counts that are not out of the question, with their probabilities."""
    if chance >= 1:
        return [(n, 1.0)]
    spread = _FAR * sqrt(n * chance * (1 - chance)) + _FAR
    counts = range(max(0, ceil(n * chance - spread)), min(n, int(n * chance + spread)) + 1)
    return [(count, _chance(n, chance, count)) for count in counts]


def _chance(n: int, chance: float, count: int) -> float:
    if chance in (0.0, 1.0):
        return float(count == n * chance)
    ways = lgamma(n + 1) - lgamma(count + 1) - lgamma(n - count + 1)
    return exp(ways + count * log(chance) + (n - count) * log(1 - chance))


def _up_to(n: int, chance: float, most: int) -> float:
    """The probability of no more than ``most`` of n."""
    if chance in (0.0, 1.0):
        return float(most >= n * chance)
    term = total = _chance(n, chance, most)
    for count in range(most, 0, -1):
        term *= count * (1 - chance) / ((n - count + 1) * chance)
        total += term
        if term < total * 1e-12:
            break
    return min(1.0, total)
