"""Two models on the same questions: exact McNemar test, paired bootstrap, Holm's correction over several benchmarks."""

from __future__ import annotations

from collections import Counter
from math import comb
from random import Random
from typing import TYPE_CHECKING

from reasonmed.report.statistics.intervals import CONFIDENCE, Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 10_000
_BITS = 53


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided p value of the exact McNemar test, from the questions that only one of the two answered rightly.

    Raises:
        ValueError: a count is negative.
    """
    if only_first < 0 or only_second < 0:
        raise ValueError(f"{only_first} and {only_second} are no counts")
    n = only_first + only_second
    tail = sum(comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**n) if n else 1.0


def bootstrap(
    differences: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> Interval:
    """The mean of the questions' differences with a percentile interval from a seeded bootstrap over questions.

    A resample is a multinomial draw over the distinct differences, which is the same as drawing questions with
    replacement and takes a few microseconds instead of n steps.

    Raises:
        ValueError: there are no questions.
    """
    n = len(differences)
    if n == 0:
        raise ValueError("no questions have no difference")
    mean = sum(differences) / n
    counts = sorted(Counter(differences).items())
    if len(counts) == 1:
        return Interval(mean, mean, mean)
    draw = Random(seed)  # noqa: S311 - a resample guards nothing
    means = sorted(_resampled(counts, n, draw) for _ in range(resamples))
    cut = (1 - confidence) / 2
    return Interval(mean, _quantile(means, cut), _quantile(means, 1 - cut))


def holm(values: Sequence[float]) -> list[float]:
    """P values corrected for several tests (Holm, 1979), in the order given."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    corrected, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = highest
    return corrected


def _resampled(counts: list[tuple[float, int]], n: int, draw: Random) -> float:
    """The mean of one resample."""
    total, left, weight = 0.0, n, n
    for value, count in counts:
        taken = left if count == weight else _binomial(left, count / weight, draw)
        total += value * taken
        left -= taken
        weight -= count
        if not left:
            break
    return total / n


def _binomial(n: int, probability: float, draw: Random) -> int:
    """A binomial draw: n uniform numbers are compared with the probability bit by bit, all n at once."""
    taken, threshold = 0, round(probability * (1 << _BITS))
    for place in range(_BITS - 1, -1, -1):
        if not n:
            break
        ones = draw.getrandbits(n).bit_count()
        if threshold >> place & 1:
            taken += n - ones
            n = ones
        else:
            n -= ones
    return taken


def _quantile(ordered: list[float], share: float) -> float:
    """Linear interpolation between the two nearest values."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
