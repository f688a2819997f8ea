"""How well probabilities tell sound steps from faulty ones; intervals by a bootstrap that draws whole chains."""

from __future__ import annotations

from itertools import groupby
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.statistics.intervals import CONFIDENCE, Interval, wilson
from reasonmed.report.statistics.paired import bootstrap, quantile_of

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 1000
THRESHOLD = 0.5


class Labeled(NamedTuple):
    """A chain: how likely each of its steps is ok, and whether it is."""

    chances: tuple[float, ...]
    ok: tuple[bool, ...]

    @property
    def said(self) -> list[bool]:
        """What the probabilities say of each step."""
        return [chance >= THRESHOLD for chance in self.chances]


class Found(NamedTuple):
    """What came of the labels of a set of chains."""

    chains: int
    steps: int
    faults: int
    accuracy: Interval
    """Of steps."""
    auc: Interval | None
    """The chance that a sound step is more likely ok than a faulty one; None where all steps are alike."""
    first_error: Interval
    """Of chains: the first step that is called a fault is the first fault, or neither has one."""


def measured(chains: Sequence[Labeled], resamples: int = RESAMPLES) -> Found:
    """How well the labels of chains are found.

    Raises:
        ValueError: there are none.
    """
    pairs = [(place, *pair) for place, one in enumerate(chains) for pair in zip(one.said, one.ok, strict=True)]
    right = sum(_first(one.said) == _first(one.ok) for one in chains)
    return Found(
        chains=len(chains),
        steps=len(pairs),
        faults=sum(not ok for *_, ok in pairs),
        accuracy=bootstrap(
            [float(said == ok) for _, said, ok in pairs], [place for place, *_ in pairs], resamples=resamples
        ),
        auc=_auc(chains, resamples),
        first_error=wilson(right, len(chains)),
    )


def _first(ok: Sequence[bool]) -> int | None:
    return next((place for place, one in enumerate(ok) if not one), None)


def _auc(chains: Sequence[Labeled], resamples: int) -> Interval | None:
    steps = sorted(
        (chance, place, ok) for place, one in enumerate(chains) for chance, ok in zip(one.chances, one.ok, strict=True)
    )
    ties = [[(place, ok) for _, place, ok in same] for _, same in groupby(steps, key=lambda step: step[0])]
    value = _area(ties, [1] * len(chains))
    if value is None:
        return None
    draw = Random(0)  # noqa: S311 - a resample guards nothing
    areas = (_area(ties, _drawn(len(chains), draw)) for _ in range(resamples))
    found = sorted(area for area in areas if area is not None)
    cut = (1 - CONFIDENCE) / 2
    return Interval(value, quantile_of(found, cut), quantile_of(found, 1 - cut)) if found else None


def _drawn(count: int, draw: Random) -> list[int]:
    """How often each chain is drawn in a resample."""
    times = [0] * count
    for place in draw.choices(range(count), k=count):
        times[place] += 1
    return times


def _area(ties: Sequence[Sequence[tuple[int, bool]]], times: Sequence[int]) -> float | None:
    """The area under the ROC curve; steps of equal probability count half. None where one kind is not there."""
    faults = won = sound = 0.0
    for tie in ties:
        good = sum(times[place] for place, ok in tie if ok)
        bad = sum(times[place] for place, ok in tie if not ok)
        won += good * (faults + bad / 2)
        sound += good
        faults += bad
    return won / (sound * faults) if sound and faults else None
