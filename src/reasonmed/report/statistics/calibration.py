"""Whether probabilities are as large as they are right: Brier score, expected calibration error, bins of a diagram."""

from __future__ import annotations

from itertools import pairwise
from math import exp
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 10


class Bin(NamedTuple):
    """Questions of about one confidence."""

    n: int
    confidence: float
    accuracy: float


def softmax(scores: Sequence[float]) -> tuple[float, ...]:
    """Probabilities from log-likelihoods: their shares among themselves."""
    most = max(scores)
    parts = [exp(one - most) for one in scores]
    return tuple(part / sum(parts) for part in parts)


def brier(probabilities: Sequence[float], key: int) -> float:
    """The squared distance to certainty of the key, over all options (Brier, 1950): 0 is best, 2 is worst."""
    return sum((one - (place == key)) ** 2 for place, one in enumerate(probabilities))


def bins(answers: Sequence[tuple[float, float]], most: int = BINS) -> list[Bin]:
    """Pairs of confidence and rightness, from unsure to sure, in bins of equal numbers of questions."""
    ordered = sorted(answers)
    count = min(most, len(ordered))
    edges = [place * len(ordered) // count for place in range(count + 1)] if count else [0]
    groups = [ordered[start:end] for start, end in pairwise(edges)]
    return [Bin(len(one), fmean(sure for sure, _ in one), fmean(right for _, right in one)) for one in groups]


def expected_error(found: Sequence[Bin]) -> float:
    """The expected calibration error: the mean distance of accuracy from confidence, over questions."""
    return sum(one.n * abs(one.confidence - one.accuracy) for one in found) / sum(one.n for one in found)
