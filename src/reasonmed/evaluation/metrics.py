"""What a model came to on one benchmark: counts, rates with intervals, lengths; whole and on the clean subset."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from operator import attrgetter
from statistics import median
from typing import TYPE_CHECKING, Any

from reasonmed.evaluation import curves
from reasonmed.evaluation.answers import always
from reasonmed.evaluation.ask import STATUSES
from reasonmed.report.statistics.intervals import Interval, macro_average, mean_rate, standard_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reasonmed.evaluation.answers import Result

_BINS = 5


def cell(results: Sequence[Result], stems: frozenset[str] | None) -> dict[str, Any]:
    """A model on a benchmark, as results tell it; ``stems`` are what the model was trained on, None if unknown."""
    told = {
        "n": len(results),
        "distinct": len(set(_marks(results))),
        **counts(results),
        "always": always(results),
        "accuracy": rate(results),
        "standard_error": standard_error(_rights(results), _marks(results)) if len(set(_marks(results))) > 1 else None,
        **_repeated(results),
        "macro": None,
        "subjects": _groups(results, lambda one: one.subject),
        "tiers": _groups(results, lambda one: one.tier),
        "tokens": _tokens(results),
        "lengths": _lengths(results),
        "curve": curves.samples(results),
        "budget": curves.budget(results),
        "calibration": curves.calibration(results),
        "overlap": None,
        "clean": None,
    }
    if len(told["subjects"]) > 1:
        parts = [[one for one in results if one.subject == name] for name in told["subjects"]]
        told["macro"] = told_interval(macro_average([*map(_rights, parts)], [*map(_marks, parts)]))
    if stems is not None:
        clean = clean_of(results, stems)
        told["overlap"] = len(results) - len(clean)
        told["clean"] = {"n": len(clean), "accuracy": rate(clean) if clean else None}
    return told


def each(told: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Benchmark, model and cell of all results, by benchmark."""
    for one in told["benchmarks"]:
        for model in told["models"]:
            yield one["name"], model["name"], model["benchmarks"][one["name"]]


def clean_of(results: Sequence[Result], stems: frozenset[str]) -> list[Result]:
    """The results on questions whose stem was not trained on."""
    return [one for one in results if not stems.intersection(one.stems)]


def counts(results: Sequence[Result]) -> dict[str, int]:
    """Answers by what they are; ``truncated_right`` counts cut ones that named the key, and are not right.

    ``beheaded`` counts questions whose text to score lost its beginning, for which the context had no room.
    """
    found = Counter(status for one in results for status in one.statuses)
    told: dict[str, int] = {"answers": found.total()}
    told |= {status: found[status] for status in STATUSES}
    told["truncated_right"] = sum(one.truncated_right for one in results)
    told["beheaded"] = sum(one.beheaded for one in results)
    return told


def rate(results: Sequence[Result], value: Callable[[Result], float] = attrgetter("right")) -> dict[str, float]:
    """A mean over questions with its interval, in which copies of a question are one."""
    return told_interval(mean_rate([value(one) for one in results], _marks(results)))


def _rights(results: Sequence[Result]) -> list[float]:
    return [one.right for one in results]


def _marks(results: Sequence[Result]) -> list[str]:
    return [one.mark for one in results]


def told_interval(found: Interval) -> dict[str, float]:
    """An interval as results tell it."""
    return {"value": found.value, "low": found.low, "high": found.high}


def _repeated(results: Sequence[Result]) -> dict[str, Any]:
    """The majority vote, and how often answers to a question differ; None where each is asked once."""
    if all(len(one.statuses) == 1 for one in results):
        return {"majority": None, "flip_rate": None}
    flips = sum(one.flips for one in results) / len(results)
    return {"majority": rate(results, lambda one: float(one.vote)), "flip_rate": flips}


def _groups(results: Sequence[Result], name_of: Callable[[Result], str | None]) -> dict[str, Any]:
    """Accuracy by subject or tier; questions that name none are left out."""
    names = sorted({name for name in map(name_of, results) if name is not None})
    found = {name: [one for one in results if name_of(one) == name] for name in names}
    return {name: {"n": len(part), "accuracy": rate(part)} for name, part in found.items()}


def _tokens(results: Sequence[Result]) -> dict[str, float] | None:
    found = [count for one in results for count in one.tokens]
    return {"mean": sum(found) / len(found), "median": median(found), "most": max(found)} if found else None


def _lengths(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Accuracy by length of the reply: questions in equal groups from short to long."""
    known = sorted(
        ((sum(one.tokens) / len(one.tokens), one) for one in results if one.tokens),
        key=lambda pair: (pair[0], pair[1].right),
    )
    bins = min(_BINS, len(known) // _BINS)
    edges = [place * len(known) // bins for place in range(bins + 1)] if bins else []
    groups = [known[start:end] for start, end in pairwise(edges)]
    return [
        {"n": len(one), "tokens": median(tokens for tokens, _ in one), "accuracy": rate([part for _, part in one])}
        for one in groups
    ]
