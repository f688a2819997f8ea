"""Several trainings of one kind against another kind, on the same questions."""

from __future__ import annotations

from random import Random
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from reasonmed.errors import UsageError
from reasonmed.evaluation.answers import always, replies
from reasonmed.evaluation.compare import NO_DIFFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.evaluation.answers import Result

RESAMPLES = 2000
_LOW, _HIGH = 0.025, 0.975

Matrix = list[list[float]]
"""Shares of right answers: one list a seed, one number a question, in the same order everywhere."""


def pooled(groups: Mapping[str, Sequence[Sequence[Result]]], base: str, seen: set[str]) -> dict[str, Any]:
    """Accuracy of every group, and its difference to every other one, on the questions that all were asked.

    ``always`` has the letter that each seed chose on every question, if it did choose one; ``differing`` counts the
    questions that not all models of two groups answer alike. Questions whose stem is among those
    that were trained on (``seen``) are left out and counted.

    The interval is a percentile interval of a bootstrap that draws questions, the same ones for both sides, and seeds
    of either side. A group of one seed has only its questions drawn.
    """
    trained = {
        (one.benchmark, one.mark)
        for seeds in groups.values()
        for found in seeds
        for one in found
        if seen & {*one.stems}
    }
    marks = sorted(_marks(groups) - trained)
    if not marks:
        raise UsageError("no question is left that all models were asked and none was trained on")
    matrices = {name: [[row.right for row in _on(marks, one)] for one in seeds] for name, seeds in groups.items()}
    names = list(matrices)
    pairs = [(base, name) for name in names if name != base]
    others = [name for name in names if name != base]
    pairs += [(one, other) for place, one in enumerate(others) for other in others[place + 1 :]]
    return {
        "questions": len(marks),
        "trained_on": len(trained),
        "accuracy": {
            name: {**_accuracy(found), "always": [always(_on(marks, one)) for one in groups[name]]}
            for name, found in matrices.items()
        },
        "differences": [
            _difference(one, other, matrices, _differing([*groups[one], *groups[other]], marks)) for one, other in pairs
        ],
    }


def _marks(groups: Mapping[str, Sequence[Sequence[Result]]]) -> set[tuple[str, str]]:
    sets = [{(one.benchmark, one.mark) for one in seed} for seeds in groups.values() for seed in seeds]
    return set.intersection(*sets)


def _on(marks: Sequence[tuple[str, str]], results: Sequence[Result]) -> list[Result]:
    """The results on these questions, in their order."""
    found = {(one.benchmark, one.mark): one for one in results}
    return [found[mark] for mark in marks]


def _differing(models: Sequence[Sequence[Result]], marks: Sequence[tuple[str, str]]) -> int:
    """The number of questions that these models do not all answer alike."""
    rows = zip(*(_on(marks, one) for one in models), strict=True)
    return sum(len({replies(one) for one in row}) > 1 for row in rows)


def _accuracy(found: Matrix) -> dict[str, Any]:
    seeds = [fmean(row) for row in found]
    return {
        **_interval(fmean(seeds), [fmean(_drawn(found, number)) for number in range(RESAMPLES)]),
        "seeds": seeds,
        "deviation": stdev(seeds) if len(seeds) > 1 else None,
    }


def _difference(one: str, other: str, matrices: Mapping[str, Matrix], differing: int) -> dict[str, Any]:
    first, second = matrices[one], matrices[other]
    value = fmean(map(fmean, second)) - fmean(map(fmean, first))
    draws = [
        fmean(_drawn(second, number, "second")) - fmean(_drawn(first, number, "first")) for number in range(RESAMPLES)
    ]
    found = _interval(value, draws)
    apart = found["low"] > 0 or found["high"] < 0
    words = f"{other} is {'above' if value > 0 else 'below'} {one}" if apart else "not distinguishable at this n"
    told = {"first": one, "second": other, "difference": found, "differing": differing}
    return {**told, "words": words if differing else NO_DIFFERENCE}


def _drawn(found: Matrix, number: int, side: str = "") -> list[float]:
    """One resample: questions by the number alone, so that both sides draw the same; seeds also by the side."""
    questions, seeds = Random(f"questions {number}"), Random(f"seeds {number} {side}")  # noqa: S311 - no secret
    rows = seeds.choices(found, k=len(found))
    places = questions.choices(range(len(found[0])), k=len(found[0]))
    mean = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return [mean[place] for place in places]


def _interval(value: float, draws: Sequence[float]) -> dict[str, float]:
    ordered = sorted(draws)
    return {
        "value": value,
        "low": ordered[int(_LOW * (len(ordered) - 1))],
        "high": ordered[round(_HIGH * (len(ordered) - 1))],
    }
