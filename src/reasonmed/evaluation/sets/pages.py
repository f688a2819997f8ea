"""A comparison of data sets as one table and one picture."""

from __future__ import annotations

from importlib.util import find_spec
from math import exp, log
from typing import TYPE_CHECKING

from reasonmed.evaluation.sets.facts import SHOWN
from reasonmed.evaluation.sets.figures import CLASS, by_length
from reasonmed.evaluation.tables import Table, markdown_lines
from reasonmed.report.figures import decimal, percent
from reasonmed.report.markdown import plain
from reasonmed.report.plot import Bar, alone, intervals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.evaluation.sets.facts import Comparison, Difference, Estimate, SetResults
    from reasonmed.evaluation.sets.figures import Points

PICTURE = "scores.svg"
_NONE = "-"


def table(found: Comparison) -> Table:
    """The table: a column a set, so that it fits on any screen; the differences are in the columns of the others."""
    first = found.sets[0].name
    heads = (
        "rows scored", "mean score (95 %)", "median", f"{SHOWN} or more %", "median words", "per doubling of length",
        f"{first} less this set", "on the same questions", "at equal length",
    )  # fmt: skip
    columns = [
        (*_of_set(one), *_of_difference(other))
        for one, other in zip(found.sets, (None, *found.differences), strict=True)
    ]
    rows = [(head, *cells) for head, *cells in zip(heads, *columns, strict=True)]
    return Table("Scores", ("", *(one.name for one in found.sets)), rows)


def _of_set(one: SetResults) -> tuple[str, ...]:
    share = one.at_least.get(str(SHOWN))
    return (
        f"{one.scored:,} of {one.drawn:,}",
        _with_bounds(one.mean),
        _NONE if one.median is None else f"{one.median.value:g} ({one.median.low:g} to {one.median.high:g})",
        _NONE if share is None else f"{_share(share.value)} ({_share(share.low)} to {_share(share.high)})",
        _NONE if one.words is None else f"{one.words:,.0f}",
        _with_bounds(_per_doubling(one.slope), sign=True),
    )


def _of_difference(one: Difference | None) -> tuple[str, str, str]:
    if one is None:
        return _NONE, _NONE, _NONE
    paired = _NONE
    if one.paired is not None:
        p = "p < 0.001" if one.paired.corrected < 0.001 else f"p = {one.paired.corrected:.3f}"  # noqa: PLR2004
        paired = f"{_with_bounds(one.paired.difference, sign=True)}, n = {one.paired.questions:,}, {p}"
    matched = _NONE
    if one.matched is not None:
        matched = f"{_with_bounds(one.matched.difference, sign=True)}, {one.matched.rows:,} rows"
    return _with_bounds(one.difference, sign=True), paired, matched


def _share(value: float) -> str:
    return percent(value).removesuffix("%")


def _per_doubling(slope: Estimate | None) -> Estimate | None:
    return None if slope is None else type(slope)(*(log(2) * one for one in (slope.value, slope.low, slope.high)))


def _with_bounds(found: Estimate | None, *, sign: bool = False) -> str:
    if found is None:
        return _NONE
    value, low, high = (f"{one:+.2f}" if sign else decimal(one) for one in (found.value, found.low, found.high))
    return f"{value} ({low} to {high})"


def notes(found: Comparison) -> Iterator[str]:
    """How the figures were made, and what became of every row, in sentences."""
    yield (
        f"{found.judge} scored {found.n:,} rows of each set from 1 to 10, drawn by seed {found.seed}, in mixed order "
        f"and without a word of which set a row is from; {_keys(found)}."
    )
    if found.demo:
        yield "The judge is a demo model without medical ability."
    if found.n < found.asked:
        yield f"{found.asked:,} rows were asked for; the smallest set has {found.n:,}."
    yield "Intervals are of 95 % and clustered by question."
    yield (
        "The same questions: paired by question, bootstrap and sign-flip test, p corrected for the number of sets "
        f"(Holm). At equal length: within classes of rows of which none is {CLASS:g} times as long as another."
    )
    for one in found.sets:
        yield from _account(one)


def _keys(found: Comparison) -> str:
    if found.with_key:
        return "it saw the key of every question"
    return "it saw no keys, since not every drawn row has one"


def _account(one: SetResults) -> Iterator[str]:
    """Where the rows of a set are."""
    yield f"{one.name}: {one.rows:,} rows, {one.usable:,} usable, {one.drawn:,} drawn, {one.scored:,} scored."
    lost = [f"{count:,} {reason}" for reason, count in (*one.unusable.items(), *one.unscored.items())]
    if lost:
        yield f"Not used of {one.name}: {'; '.join(lost)}."
    if one.with_response not in (0, one.drawn):
        yield f"{one.with_response:,} of the drawn rows of {one.name} have a response beside the reasoning."


def verdicts(found: Comparison) -> Iterator[str]:
    """Each difference in a sentence: whether it is one, and whether it is one at equal length."""
    for one in found.differences:
        if one.difference is None:
            yield f"{one.first} and {one.second} cannot be compared: too few rows have a score"
            continue
        matched = one.matched.difference if one.matched else None
        yield f"{_side(one, one.difference)}{_at_length(one, matched)}"


def _side(one: Difference, found: Estimate) -> str:
    if not found.decides:
        return f"{one.first} and {one.second} are not distinguishable: the interval holds 0"
    amount, word = abs(found.value), "higher" if found.value > 0 else "lower"
    return f"{one.first} scores {decimal(amount)} points {word} than {one.second}"


def _at_length(one: Difference, matched: Estimate | None) -> str:
    if matched is None:
        return "; no rows are of like length"
    if not matched.decides:
        return "; at equal length they are not distinguishable"
    higher, other = (one.first, one.second) if matched.value > 0 else (one.second, one.first)
    return f"; at equal length {higher} scores {decimal(abs(matched.value))} points higher than {other}"


def picture(sets: Mapping[str, Points]) -> str | None:
    """Mean scores by length, a line a set, as SVG; None where matplotlib (extra ``plots``) is not installed."""
    if find_spec("matplotlib") is None:
        return None
    series = {
        name: [(exp(length), Bar(one.value, one.low, one.high)) for length, one in by_length(points)]
        for name, points in sets.items()
    }
    drawn = {name: points for name, points in series.items() if points}
    if not drawn:
        return None
    return alone(intervals("Mean score by length (95 % intervals)", drawn, "words of a row", "mean score"))


def markdown(found: Comparison, *, with_picture: bool) -> str:
    """The table as a page."""
    lines = ["# Comparison of data sets", "", *(f"- {one}" for one in map(plain, verdicts(found))), ""]
    lines += markdown_lines(table(found))
    lines += [f"- {plain(one)}" for one in notes(found)]
    if with_picture:
        lines += ["", f"![Mean score by length, a line a set]({PICTURE})"]
    return "\n".join([*lines, ""])
