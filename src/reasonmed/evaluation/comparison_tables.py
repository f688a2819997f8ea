"""Comparisons of models as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.evaluation.tables import Table, always_words, percent, points, probability

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.evaluation.comparisons import Comparison

_TEST = (
    "Paired by question. Sign, p and interval are of the difference of mean accuracies: sign-flip test (exact McNemar "
    "test where each question is asked once), Holm over all comparisons here, bootstrap over questions."
)


def comparison_tables(comparisons: Iterable[Comparison]) -> Iterator[Table]:
    """One table a pair of models."""
    for one in comparisons:
        rows = [
            (name, f"{found.n:,}", percent(found.first), percent(found.second), points(found),
             f"{found.only_first:,} / {found.only_second:,}", probability(found.p),
             probability(found.p_holm), found.words)
            for name, found in one.benchmarks.items()
        ]  # fmt: skip
        columns = (
            "benchmark",
            "n",
            one.first,
            one.second,
            "difference (95 %)",
            "only one right",
            "p",
            "p (Holm)",
            "",
        )
        yield Table(f"{one.second} against {one.first}", columns, rows, " ".join(_notes(one)), words=True)


def _notes(one: Comparison) -> Iterator[str]:
    yield from _questions(one)
    yield _TEST
    unpaired = sum(found.unpaired for found in one.benchmarks.values())
    if unpaired:
        yield f"{unpaired:,} questions that only one of the two was asked are excluded."
    for name, found in one.benchmarks.items():
        for side, letter in zip((one.first, one.second), found.always, strict=True):
            if letter:
                yield f"{side} on {name}: {always_words(letter)}."


def _questions(one: Comparison) -> Iterator[str]:
    """Which questions the comparison is about."""
    left = f"{one.trained_on:,} questions that one of the two was trained on are excluded"
    if one.subset == "clean":
        yield f"Clean subset: {left}."
    else:
        yield f"Not known to be clean: {one.subset}{f'; {left}' if one.trained_on else ''}."
    if not one.benchmarks:
        yield "No other question is left."
