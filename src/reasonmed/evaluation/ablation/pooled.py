"""Several trainings of one kind against another kind, on the same questions."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.evaluation.answers import always, replies
from reasonmed.evaluation.comparisons import Unread
from reasonmed.evaluation.scores import Rate
from reasonmed.evaluation.verdict import NO_DIFFERENCE, SIGNIFICANT, TOO_MANY, not_read
from reasonmed.report.statistics.paired import holm
from reasonmed.report.statistics.seeds import FEWEST, difference, mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.evaluation.answers import Result
    from reasonmed.report.statistics.intervals import Interval
    from reasonmed.report.statistics.seeds import Matrix

    Mark = tuple[str, str]
    Seed = dict[Mark, list[Result]]
    """One model's results by question; copies of a question together."""

NO_VARIANCE = "training variance cannot be estimated"


class Accuracy(Struct, frozen=True):
    """What a group came to."""

    value: float
    low: float
    high: float
    seeds: list[float]
    deviation: float | None
    unread: float
    always: list[str | None]
    """The letter that each seed chose on every question, if it did choose one."""


class Gap(Struct, frozen=True):
    """The second group against the first."""

    first: str
    second: str
    difference: Rate
    differing: int
    """Questions that not all models of the two groups answer alike."""
    unread: Unread
    p: float | None
    p_holm: float | None = None
    words: str = ""


class Groups(Struct, frozen=True):
    """All groups, on the questions that all were asked."""

    questions: int
    trained_on: int
    accuracy: dict[str, Accuracy]
    differences: list[Gap]


def pooled(groups: Mapping[str, Sequence[Sequence[Result]]], base: str, seen: set[str]) -> Groups:
    """Accuracy of every group, and its difference to every other one, on the questions that all were asked.

    Questions whose stem is among those that were trained on (``seen``) are left out and counted; copies of a question
    count as one.

    Intervals and p values have the draw of questions in them and that of seeds (see ``statistics.seeds``); p values are
    corrected over all differences by Holm. A group of fewer than three seeds, the base apart, is said to be no more
    than these very models.
    """
    seeds = {name: [_by_mark(one) for one in found] for name, found in groups.items()}
    trained = {
        mark
        for found in seeds.values()
        for one in found
        for mark, rows in one.items()
        if any(seen & {*row.stems} for row in rows)
    }
    marks = sorted(set.intersection(*({*one} for found in seeds.values() for one in found)) - trained)
    if not marks:
        raise UsageError("no question is left that all models were asked and none was trained on")
    told = _Pooled(seeds, marks, base)
    others = [name for name in seeds if name != base]
    pairs = [(base, name) for name in others]
    pairs += [(one, other) for place, one in enumerate(others) for other in others[place + 1 :]]
    return Groups(
        questions=len(marks),
        trained_on=len(trained),
        accuracy={name: told.accuracy(name) for name in seeds},
        differences=_settled([told.difference(*pair) for pair in pairs]),
    )


def _by_mark(results: Sequence[Result]) -> Seed:
    found: Seed = {}
    for one in results:
        found.setdefault((one.benchmark, one.mark), []).append(one)
    return found


class _Pooled:
    """All groups on the questions that count."""

    def __init__(self, seeds: Mapping[str, Sequence[Seed]], marks: Sequence[Mark], base: str) -> None:
        self._seeds, self._marks, self._base = seeds, marks, base
        self._right: dict[str, Matrix] = {
            name: [[fmean(row.right for row in one[mark]) for mark in marks] for one in found]
            for name, found in seeds.items()
        }
        self._unread = {
            name: [fmean(row.unread for one in found for row in one[mark]) for mark in marks]
            for name, found in seeds.items()
        }

    def accuracy(self, name: str) -> Accuracy:
        """A group's accuracy."""
        found = self._right[name]
        rates = [fmean(row) for row in found]
        rate = _within(mean(found).interval(), 0.0)
        return Accuracy(
            value=rate.value,
            low=rate.low,
            high=rate.high,
            seeds=rates,
            deviation=stdev(rates) if len(rates) > 1 else None,
            unread=fmean(self._unread[name]),
            always=[always([row for mark in self._marks for row in one[mark]]) for one in self._seeds[name]],
        )

    def difference(self, one: str, other: str) -> Gap:
        """The second group against the first, not yet in words."""
        found = difference(self._right[one], self._right[other])
        few = [name for name in (one, other) if name != self._base and len(self._seeds[name]) < FEWEST]
        return Gap(
            first=one,
            second=other,
            difference=_within(found.interval(), -1.0),
            differing=self._differing(one, other),
            unread=self._against_unread(one, other),
            p=None if few else found.p,
        )

    def _differing(self, one: str, other: str) -> int:
        """The number of questions that the models of two groups do not all answer alike."""
        models = [*self._seeds[one], *self._seeds[other]]
        return sum(len({tuple(map(replies, model[mark])) for model in models}) > 1 for mark in self._marks)

    def _against_unread(self, one: str, other: str) -> Unread:
        first, second = self._unread[one], self._unread[other]
        rights = [[fmean(column) for column in zip(*self._right[name], strict=True)] for name in (one, other)]
        gaps = [u * right for u, right in zip(first, rights[1], strict=True)]
        gaps += [-u * right for u, right in zip(second, rights[0], strict=True)]
        return Unread(fmean(first), fmean(second), sum(gaps) / len(self._marks))


def _within(found: Interval, least: float) -> Rate:
    """An interval as results tell it, with ends that can be."""
    return Rate(found.value, max(least, found.low), min(1.0, found.high))


def _settled(found: list[Gap]) -> list[Gap]:
    """The differences with p values corrected over all of them, and with their words."""
    tested = [(place, one.p) for place, one in enumerate(found) if one.p is not None]
    corrected = dict(zip((place for place, _ in tested), holm([p for _, p in tested]), strict=True))
    told = [replace(one, p_holm=corrected.get(place)) for place, one in enumerate(found)]
    return [replace(one, words=_words(one)) for one in told]


def _words(one: Gap) -> str:
    if max(one.unread.first, one.unread.second) > TOO_MANY:
        return not_read(one.unread, one.difference.value, (one.first, one.second))
    if not one.differing:
        return NO_DIFFERENCE
    if one.p_holm is None:
        return f"{NO_VARIANCE} with fewer than {FEWEST} seeds; the interval is of these very models"
    if one.p_holm >= SIGNIFICANT:
        return "not distinguishable at this n"
    return f"{one.second} is {'above' if one.difference.value > 0 else 'below'} {one.first}"
