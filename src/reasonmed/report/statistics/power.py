"""The smallest true difference that so many questions show: 80 % power, two-sided 5 %, normal approximation."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from reasonmed.report.statistics.intervals import two_sided

POWER = 0.8
_STEPS = 60


def detectable_unpaired(n: int, rate: float, power: float = POWER) -> float:
    """The smallest gap between two models, each asked n questions of its own, of which one has this rate.

    Raises:
        ValueError: there are no questions.
    """
    if n < 1:
        raise ValueError(f"{n} questions have no power")
    return min(1.0, (two_sided() + NormalDist().inv_cdf(power)) * sqrt(2 * rate * (1 - rate) / n))


def detectable_paired(n: int, discordant: float, power: float = POWER) -> float | None:
    """The smallest gap on the same n questions, of which a share gets a right answer from just one of the two.

    From the power of McNemar's test (Connor, 1987). A gap cannot exceed the discordant share: None where even the
    largest possible one would be missed.

    Raises:
        ValueError: there are no questions.
    """
    if n < 1:
        raise ValueError(f"{n} questions have no power")
    alpha, beta = two_sided(), NormalDist().inv_cdf(power)

    def missed(gap: float) -> bool:
        return gap * sqrt(n) < alpha * sqrt(discordant) + beta * sqrt(max(0.0, discordant - gap * gap))

    if missed(discordant):
        return None
    low, high = 0.0, discordant
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if missed(middle) else (low, middle)
    return high
