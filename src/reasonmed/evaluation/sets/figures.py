"""The figures of a comparison: means, medians and shares, differences, and what of them is length."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import chain, pairwise
from math import floor, log
from statistics import mean, median
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.evaluation.sets.facts import AT_LEAST, Difference, Estimate, Matched, Paired, Scored, SetResults
from reasonmed.report.statistics.clustered import coefficient, mean_of, median_of
from reasonmed.report.statistics.intervals import mean_rate
from reasonmed.report.statistics.paired import bootstrap, holm, sign_flip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.evaluation.sets.draw import Part
    from reasonmed.report.statistics.intervals import Interval

CLASS = 1.25
"""Rows of a class of length are at most this many times as long as each other."""
_BINS = 5
_LOWEST, _HIGHEST = 1, 10
_FEWEST = 2


class Points(NamedTuple):
    """The rows of a set that have a score, column by column."""

    scores: list[int]
    marks: list[str]
    lengths: list[float]
    """Logarithms of words."""


def points_of(rows: Sequence[Scored]) -> Points:
    """The rows that have a score."""
    there = [(one.score, one) for one in rows if one.score is not None]
    return Points(
        [score for score, _ in there],
        [one.question for _, one in there],
        [log(max(1, one.words)) for _, one in there],
    )


def set_results(part: Part, rows: Sequence[Scored]) -> SetResults:
    """What the rows of a set came to."""
    points, scored = points_of(rows), [one for one in rows if one.score is not None]
    scores, marks = points.scores, points.marks
    questions = [one.story.question for one in part.drawn]
    return SetResults(
        name=part.set.name,
        file=part.set.path.name,
        rows=part.rows,
        usable=part.usable,
        unusable=part.unusable,
        examples=part.examples,
        drawn=len(rows),
        scored=len(scored),
        unscored=dict(Counter(one.justification for one in rows if one.score is None).most_common()),
        questions=len(set(marks)),
        with_options=sum(bool(one.options) for one in questions),
        with_response=sum(one.response for one in rows),
        mean=_within_scale(mean_of(scores, marks)),
        median=_within_scale(median_of(scores, marks)),
        at_least={
            str(least): Estimate(*mean_rate([float(score >= least) for score in scores], marks))
            for least in AT_LEAST
            if scores
        },
        scores={str(score): count for score, count in sorted(Counter(scores).items())},
        words=median(one.words for one in scored) if scored else None,
        slope=_estimate(coefficient(scores, points.lengths, marks)),
    )


def _within_scale(found: Interval | None) -> Estimate | None:
    """An interval of scores ends where the scale does."""
    return None if found is None else Estimate(found.value, max(_LOWEST, found.low), min(_HIGHEST, found.high))


def _estimate(found: Interval | None) -> Estimate | None:
    return None if found is None else Estimate(*found)


def slope_within(sets: Sequence[Points]) -> Estimate | None:
    """Points of score for a row that is e times as long as another one of its set."""
    own = [place for place, one in enumerate(sets) for _ in one.scores]
    whole = Points(*(list(chain.from_iterable(column)) for column in zip(*sets, strict=True)))
    return _estimate(coefficient(whole.scores, whole.lengths, whole.marks, own))


def differences(names: Sequence[str], sets: Sequence[Points], seed: int) -> list[Difference]:
    """The first set less each other one; p values of paired differences are corrected for the number of sets."""
    first, *others = sets
    paired = [_paired(first, other, seed) for other in others]
    corrected = iter(holm([one.p for one in paired if one is not None]))
    return [
        Difference(
            first=names[0],
            second=name,
            difference=_difference(first, other),
            matched=_matched(first, other),
            paired=None if pair is None else Paired(pair.questions, pair.difference, pair.p, next(corrected)),
        )
        for name, other, pair in zip(names[1:], others, paired, strict=True)
    ]


def _difference(first: Points, other: Points) -> Estimate | None:
    if min(len(set(one.marks)) for one in (first, other)) < _FEWEST:
        return None
    belongs = [1.0] * len(first.scores) + [0.0] * len(other.scores)
    return _estimate(coefficient(first.scores + other.scores, belongs, first.marks + other.marks))


def _matched(first: Points, other: Points) -> Matched | None:
    """The difference within classes of length, weighted by information: none where all are of one set."""
    classes = [_classes(one) for one in (first, other)]
    shared = {*classes[0]} & {*classes[1]}
    rows = sum(one in shared for side in classes for one in side)
    belongs = [1.0] * len(first.scores) + [0.0] * len(other.scores)
    found = coefficient(first.scores + other.scores, belongs, first.marks + other.marks, classes[0] + classes[1])
    return None if found is None else Matched(Estimate(*found), rows)


def _classes(points: Points) -> list[int]:
    return [floor(length / log(CLASS)) for length in points.lengths]


def _paired(first: Points, other: Points, seed: int) -> Paired | None:
    ours, theirs = _by_question(first), _by_question(other)
    gaps = [mean(ours[mark]) - mean(theirs[mark]) for mark in ours if mark in theirs]
    if len(gaps) < _FEWEST:
        return None
    p = sign_flip(gaps, seed=seed)
    return Paired(len(gaps), Estimate(*bootstrap(gaps, seed=seed)), p, p)


def _by_question(points: Points) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for score, mark in zip(points.scores, points.marks, strict=True):
        found[mark].append(score)
    return found


def by_length(points: Points) -> list[tuple[float, Estimate]]:
    """The mean score of the rows of a set in up to five parts of equal size, from the shortest; at log words.

    No more parts than the set has classes of length.
    """
    count = min(_BINS, len(set(_classes(points))))
    order = sorted(range(len(points.scores)), key=lambda place: points.lengths[place])
    bounds = [len(order) * part // count for part in range(count + 1)] if count else []
    parts = [order[low:high] for low, high in pairwise(bounds)]
    found = ((median(points.lengths[place] for place in part), _mean(points, part)) for part in parts if part)
    return [(length, value) for length, value in found if value is not None]


def _mean(points: Points, part: Sequence[int]) -> Estimate | None:
    return _within_scale(mean_of([points.scores[place] for place in part], [points.marks[place] for place in part]))
