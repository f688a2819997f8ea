"""Several trainings of one kind against another kind, on the same questions."""

from __future__ import annotations

from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.evaluation.answers import always, replies
from reasonmed.evaluation.comparisons import Unread
from reasonmed.evaluation.scores import Rate
from reasonmed.evaluation.verdict import NO_DIFFERENCE, SIGNIFICANT, TOO_MANY, not_read
from reasonmed.report.statistics.paired import holm
from reasonmed.report.statistics.seeds import FEWEST, difference, foreseen, mean, spread

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

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
    tokens: float | None = None
    """Output tokens of an answer; None where they were not counted."""
    per_1000_tokens: Rate | None = None
    """Right answers per 1,000 output tokens, with the draws of questions and seeds in the interval."""


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
    detectable: float | None = None
    """The true difference that would be found four times in five, at the level that all comparisons leave to one."""


class Detectable(Struct, frozen=True):
    """The differences that would be found four times in five, over all comparisons."""

    comparisons: int
    """Those that are tested; 0 where no group has the seeds for it, and the rest is of these very models."""
    least: float
    median: float
    most: float


class Groups(Struct, frozen=True):
    """All groups, on the questions that all were asked."""

    questions: int
    trained_on: int
    accuracy: dict[str, Accuracy]
    differences: list[Gap]
    detectable: Detectable | None


def pooled(
    groups: Mapping[str, Sequence[Sequence[Result]]],
    untrained: Collection[str],
    seen: set[str],
    pairs: Sequence[tuple[str, str]] | None = None,
    *,
    counted: bool = True,
) -> Groups:
    """Accuracy of every group, and differences between them, on the questions that all were asked.

    Questions whose stem is among those that were trained on (``seen``) are left out and counted; copies of a question
    count as one.

    Intervals and p values have the draw of questions in them and that of seeds (see ``statistics.seeds``); p values are
    corrected over all differences by Holm. A group of fewer than three seeds, bases apart, is said to be no more
    than these very models.

    Args:
        groups: results by group and seed.
        untrained: the groups that are bases, one model each.
        seen: hashes of stems that were trained on.
        pairs: which groups are compared; bases with all others and these with each other by default.
        counted: whether tokens of answers were written by the models, not merely scored.

    Raises:
        UsageError: no question is left.
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
    pairs = _pairs(list(seeds), untrained) if pairs is None else pairs
    told = _Pooled(seeds, marks, untrained)
    tested = sum(told.tests(*pair) for pair in pairs)
    differences = _settled([told.difference(*pair, SIGNIFICANT / max(tested, 1)) for pair in pairs])
    return Groups(
        questions=len(marks),
        trained_on=len(trained),
        accuracy={name: told.accuracy(name, counted=counted) for name in seeds},
        differences=differences,
        detectable=_detectable(differences),
    )


def _pairs(names: Sequence[str], untrained: Collection[str]) -> list[tuple[str, str]]:
    others = [name for name in names if name not in untrained]
    found = [(base, name) for base in untrained for name in others]
    return found + [(one, other) for place, one in enumerate(others) for other in others[place + 1 :]]


def _detectable(found: Sequence[Gap]) -> Detectable | None:
    """Over the comparisons that are tested, or over all where none is."""
    tested = [one for one in found if one.p is not None]
    values = [one.detectable for one in tested or found if one.detectable is not None]
    return Detectable(len(tested), min(values), median(values), max(values)) if values else None


def _by_mark(results: Sequence[Result]) -> Seed:
    found: Seed = {}
    for one in results:
        found.setdefault((one.benchmark, one.mark), []).append(one)
    return found


class _Pooled:
    """All groups on the questions that count."""

    def __init__(self, seeds: Mapping[str, Sequence[Seed]], marks: Sequence[Mark], untrained: Collection[str]) -> None:
        self._seeds, self._marks, self._untrained = seeds, marks, untrained
        self._right: dict[str, Matrix] = {
            name: [[fmean(row.right for row in one[mark]) for mark in marks] for one in found]
            for name, found in seeds.items()
        }
        self._spread = spread(self._right.values())
        self._unread = {
            name: [fmean(row.unread for one in found for row in one[mark]) for mark in marks]
            for name, found in seeds.items()
        }

    def accuracy(self, name: str, *, counted: bool) -> Accuracy:
        """A group's accuracy."""
        found = self._right[name]
        rates = [fmean(row) for row in found]
        rate = _within(mean(found).interval(), 0.0)
        tokens = self._tokens(name) if counted else None
        return Accuracy(
            value=rate.value,
            low=rate.low,
            high=rate.high,
            seeds=rates,
            deviation=stdev(rates) if len(rates) > 1 else None,
            unread=fmean(self._unread[name]),
            always=[always([row for mark in self._marks for row in one[mark]]) for one in self._seeds[name]],
            tokens=fmean(map(fmean, tokens)) if tokens else None,
            per_1000_tokens=per_thousand(found, tokens) if tokens else None,
        )

    def _tokens(self, name: str) -> Matrix | None:
        """Output tokens of an answer, by seed and question; None where they were not counted."""
        found = [[_tokens_of(one[mark]) for mark in self._marks] for one in self._seeds[name]]
        return [[value or 0.0 for value in row] for row in found] if all(None not in row for row in found) else None

    def tests(self, one: str, other: str) -> bool:
        """Whether both groups are a base or have the seeds that a test takes."""
        return all(name in self._untrained or len(self._seeds[name]) >= FEWEST for name in (one, other))

    def difference(self, one: str, other: str, level: float) -> Gap:
        """The second group against the first, not yet in words."""
        found = difference(self._right[one], self._right[other])
        return Gap(
            first=one,
            second=other,
            difference=_within(found.interval(), -1.0),
            differing=self._differing(one, other),
            unread=self._against_unread(one, other),
            p=found.p if self.tests(one, other) else None,
            detectable=foreseen(self._right[one], self._right[other], self._spread).detectable(level),
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


def _tokens_of(rows: Sequence[Result]) -> float | None:
    """Mean tokens of the answers to a question; a reply that failed has none."""
    answers = sum(len(row.statuses) for row in rows)
    failed = sum(row.statuses.count("failed") for row in rows)
    known = [count for row in rows for count in row.tokens]
    return sum(known) / answers if len(known) >= answers - failed else None


def per_thousand(right: Matrix, tokens: Matrix) -> Rate | None:
    """Right answers per 1,000 output tokens: a ratio of means, with the interval of its linear part.

    The parts that a question and a seed have in the ratio's error are what it deviates from the ratio; None of no
    tokens.
    """
    whole = fmean(map(fmean, tokens))
    if not whole:
        return None
    ratio = fmean(map(fmean, right)) / whole
    rest = [
        [one - ratio * length for one, length in zip(*rows, strict=True)] for rows in zip(right, tokens, strict=True)
    ]
    half = mean(rest).half() / whole
    return Rate(1000 * ratio, 1000 * max(0.0, ratio - half), 1000 * (ratio + half))


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
