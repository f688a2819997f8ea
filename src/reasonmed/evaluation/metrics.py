"""What a model came to on one benchmark: counts, rates with intervals, lengths; whole and on the clean subset."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from operator import attrgetter
from statistics import median
from typing import TYPE_CHECKING, TypedDict

from reasonmed.evaluation import curves
from reasonmed.evaluation.answers import always
from reasonmed.evaluation.scores import Length, Part, Rate, Score, Tokens
from reasonmed.report.statistics.intervals import Interval, macro_average, mean_rate, standard_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reasonmed.evaluation.answers import Result

_BINS = 5


class Counts(TypedDict):
    """Answers by what they are.

    ``truncated_right`` counts cut ones that named the key, and are not right; ``beheaded`` questions whose text to
    score lost its beginning, for which the context had no room.
    """

    answers: int
    correct: int
    wrong: int
    unparsed: int
    truncated: int
    unended: int
    failed: int
    truncated_right: int
    beheaded: int


def cell(results: Sequence[Result], stems: frozenset[str] | None) -> Score:
    """A model on a benchmark; ``stems`` are what the model was trained on, None if unknown."""
    subjects, distinct = _groups(results, lambda one: one.subject), len(set(_marks(results)))
    parts = [[one for one in results if one.subject == name] for name in subjects]
    clean = None if stems is None else clean_of(results, stems)
    repeated = any(len(one.statuses) != 1 for one in results)
    return Score(
        n=len(results),
        distinct=distinct,
        **counts(results),
        always=always(results),
        accuracy=rate(results),
        standard_error=standard_error(_rights(results), _marks(results)) if distinct > 1 else None,
        majority=rate(results, lambda one: float(one.vote)) if repeated else None,
        flip_rate=sum(one.flips for one in results) / len(results) if repeated else None,
        macro=told_interval(macro_average([*map(_rights, parts)], [*map(_marks, parts)])) if len(parts) > 1 else None,
        subjects=subjects,
        tiers=_groups(results, lambda one: one.tier),
        tokens=_tokens(results),
        lengths=_lengths(results),
        curve=curves.samples(results),
        budget=curves.budget(results),
        calibration=curves.calibration(results),
        overlap=None if clean is None else len(results) - len(clean),
        clean=None if clean is None else Part(len(clean), rate(clean) if clean else None),
    )


def clean_of(results: Sequence[Result], stems: frozenset[str]) -> list[Result]:
    """The results on questions whose stem was not trained on."""
    return [one for one in results if not stems.intersection(one.stems)]


def counts(results: Sequence[Result]) -> Counts:
    """Answers by what they are."""
    found = Counter(status for one in results for status in one.statuses)
    return {
        "answers": found.total(),
        "correct": found["correct"],
        "wrong": found["wrong"],
        "unparsed": found["unparsed"],
        "truncated": found["truncated"],
        "unended": found["unended"],
        "failed": found["failed"],
        "truncated_right": sum(one.truncated_right for one in results),
        "beheaded": sum(one.beheaded for one in results),
    }


def rate(results: Sequence[Result], value: Callable[[Result], float] = attrgetter("right")) -> Rate:
    """A mean over questions with its interval, in which copies of a question are one."""
    return told_interval(mean_rate([value(one) for one in results], _marks(results)))


def _rights(results: Sequence[Result]) -> list[float]:
    return [one.right for one in results]


def _marks(results: Sequence[Result]) -> list[str]:
    return [one.mark for one in results]


def told_interval(found: Interval) -> Rate:
    """An interval as results tell it."""
    return Rate(found.value, found.low, found.high)


def _groups(results: Sequence[Result], name_of: Callable[[Result], str | None]) -> dict[str, Part]:
    """Accuracy by subject or tier; questions that name none are left out."""
    names = sorted({name for name in map(name_of, results) if name is not None})
    found = {name: [one for one in results if name_of(one) == name] for name in names}
    return {name: Part(len(part), rate(part)) for name, part in found.items()}


def _tokens(results: Sequence[Result]) -> Tokens | None:
    found = [count for one in results for count in one.tokens]
    return Tokens(sum(found) / len(found), median(found), max(found)) if found else None


def _lengths(results: Sequence[Result]) -> list[Length]:
    """Accuracy by length of the reply: questions in equal groups from short to long."""
    known = sorted(
        ((sum(one.tokens) / len(one.tokens), one) for one in results if one.tokens),
        key=lambda pair: (pair[0], pair[1].right),
    )
    bins = min(_BINS, len(known) // _BINS)
    edges = [place * len(known) // bins for place in range(bins + 1)] if bins else []
    groups = [known[start:end] for start, end in pairwise(edges)]
    return [Length(len(one), median(tokens for tokens, _ in one), rate([part for _, part in one])) for one in groups]
