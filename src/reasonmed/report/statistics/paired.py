"""Two models on the same questions: one difference, its sign-flip test, its bootstrap interval, Holm's correction.

Differences are those of questions, in any order. Where ``groups`` says which of them are copies of one question, what
is drawn, turned round or counted is a question with all its copies: these are never more evidence than it is.
"""

from __future__ import annotations

from collections import Counter
from math import comb, fsum, sqrt
from random import Random
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.statistics.intervals import CONFIDENCE, Interval, two_sided

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from reasonmed.report.statistics.intervals import Groups

RESAMPLES = 10_000
_BITS = 53
_EQUAL = 1e-9
"""Sums of shares that differ by less are equal."""


class _Cluster(NamedTuple):
    """A question's difference between two models, summed over its copies, and the number of these."""

    total: float
    size: int


def _clusters(differences: Sequence[float], groups: Groups) -> list[_Cluster]:
    if groups is None:
        return [_Cluster(one, 1) for one in differences]
    found: dict[Hashable, _Cluster] = {}
    for one, group in zip(differences, groups, strict=True):
        held = found.get(group, _Cluster(0.0, 0))
        found[group] = _Cluster(held.total + one, held.size + 1)
    return list(found.values())


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


def sign_flip(differences: Sequence[float], groups: Groups = None, *, seed: int = 0, draws: int = RESAMPLES) -> float:
    """Two-sided p value of the difference that is reported: were the models alike, a cluster's sign would be chance.

    Where the clusters that differ all do so by the same amount (each question asked once) this is the exact McNemar
    test. Else signs are drawn, seeded; the draw that is at hand counts as one, so that p is never 0.
    """
    clusters = _clusters(differences, groups)
    sizes = Counter(abs(round(one.total, 9)) for one in clusters if abs(one.total) > _EQUAL)
    if len(sizes) < 2:  # noqa: PLR2004 - one amount
        positive = sum(one.total > _EQUAL for one in clusters)
        return mcnemar(sizes.total() - positive, positive)
    least = abs(sum(one.total for one in clusters)) - 1e-6
    draw = Random(seed)  # noqa: S311 - signs of a test guard nothing
    ordered = sorted(sizes.items())
    hits = sum(
        abs(sum(value * (2 * draw.getrandbits(count).bit_count() - count) for value, count in ordered)) >= least
        for _ in range(draws)
    )
    return (1 + hits) / (1 + draws)


def bootstrap(
    differences: Sequence[float],
    groups: Groups = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Interval:
    """The mean difference with a percentile interval from a seeded bootstrap over clusters.

    A resample is a multinomial draw over the distinct clusters, which is the same as drawing clusters with
    replacement and takes a few microseconds instead of n steps.

    Raises:
        ValueError: there are no questions.
    """
    clusters = _clusters(differences, groups)
    if not clusters:
        raise ValueError("no questions have no difference")
    mean = fsum(one.total for one in clusters) / sum(one.size for one in clusters)
    counts = sorted(Counter(clusters).items())
    if len(counts) == 1:
        return Interval(mean, mean, mean)
    draw = Random(seed)  # noqa: S311 - a resample guards nothing
    means = sorted(_resampled(counts, len(clusters), draw) for _ in range(resamples))
    cut = (1 - confidence) / 2
    return Interval(mean, quantile(means, cut), quantile(means, 1 - cut))


def spread(differences: Sequence[float], groups: Groups = None) -> float:
    """The standard deviation of a cluster's part in the mean difference, 0 for fewer than two clusters."""
    clusters = _clusters(differences, groups)
    n, size = len(clusters), sum(one.size for one in clusters)
    if n < 2:  # noqa: PLR2004 - a deviation takes two
        return 0.0
    mean = sum(one.total for one in clusters) / size
    squares = sum((one.total - mean * one.size) ** 2 for one in clusters)
    return sqrt(squares / (n - 1)) * n / size


def no_worse(
    differences: Sequence[float], margin: float, groups: Groups = None, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The low end of the difference's interval, and the one-sided p value of its being worse by the margin or more.

    Two questions are added that both answer alike, and half of one won by either side (Agresti and Min, 2005), so that
    a few questions without any difference do not show that there is none; and were the loss the margin, at least that
    share of questions would differ, which the variance is not taken below.
    """
    clusters = _clusters(differences, groups)
    n = len(clusters)
    size = sum(one.size for one in clusters) / n
    totals = [one.total / size for one in clusters]
    whole = n + 2
    mean = sum(totals) / whole
    square = max((sum(one * one for one in totals) + 1) / whole, margin)
    error = sqrt((square - mean * mean) / whole)
    return mean - two_sided(confidence) * error, NormalDist().cdf((-margin - mean) / error)


def holm(values: Sequence[float]) -> list[float]:
    """P values corrected for several tests (Holm, 1979), in the order given."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    corrected, highest = [0.0] * len(values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[place]))
        corrected[place] = highest
    return corrected


def _resampled(counts: list[tuple[_Cluster, int]], n: int, draw: Random) -> float:
    """The mean of one resample."""
    total, size, left, weight = 0.0, 0, n, n
    for one, count in counts:
        taken = left if count == weight else _binomial(left, count / weight, draw)
        total += one.total * taken
        size += one.size * taken
        left -= taken
        weight -= count
        if not left:
            break
    return total / size


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


def quantile(ordered: list[float], share: float) -> float:
    """Linear interpolation between the two nearest values."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
