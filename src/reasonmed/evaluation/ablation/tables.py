"""An ablation as one table, for a terminal and for Markdown, with what its numbers can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.evaluation.audit.tables import audit_tables
from reasonmed.evaluation.tables import Table, always_words, markdown_lines, probability
from reasonmed.report.figures import between, percent
from reasonmed.report.markdown import plain
from reasonmed.report.statistics.seeds import FEWEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reasonmed.evaluation.ablation.facts import Ablation, Place
    from reasonmed.evaluation.ablation.pooled import Accuracy, Gap
    from reasonmed.evaluation.scores import Rate

MOST_SHOWN = 30
"""Comparisons that a terminal shows one by one."""


def table(told: Ablation) -> Table:
    """Every group with its accuracy, its gain, and what its answers cost in tokens; columns without content go."""
    against = {(one.first, one.second): one for one in told.differences}
    rows = []
    for name, one in told.accuracy.items():
        place = told.grid.get(name)
        gap = against.get((place.untrained if place else "base", name))
        rows.append((name, *_place(place), *_accuracy(one), *_gain(gap), *_tokens(one)))
    columns = (
        "trained on", "base", "epochs", "share", "accuracy", "95 %", "seeds", "against base", "95 %", "detectable",
        "tokens an answer", "right per 1,000 tokens", "95 %",
    )  # fmt: skip
    keep = [place for place in range(len(columns)) if _worth(place, [row[place] for row in rows])]
    return Table(
        "Ablation", tuple(columns[p] for p in keep), [tuple(row[p] for p in keep) for row in rows], _note(told)
    )


def _worth(column: int, cells: Sequence[str]) -> bool:
    """Whether a column is shown: of the grid where it differs, others where they have content."""
    held = {cell for cell in cells if cell}
    return len(held) > (1 if column in (1, 2, 3) else 0)


def _place(place: Place | None) -> tuple[str, str, str]:
    if place is None:
        return "", "", ""
    trained = (f"{place.epochs:g}", f"{place.share:g}") if place.variant else ("", "")
    return place.base, *trained


def _accuracy(one: Accuracy) -> tuple[str, ...]:
    return percent(one.value), between(one.low, one.high, percent), between(min(one.seeds), max(one.seeds), percent)


def _gain(one: Gap | None) -> tuple[str, str, str]:
    if one is None:
        return "", "", ""
    least = "" if one.detectable is None else f"{100 * one.detectable:.1f}"
    return f"{100 * one.difference.value:+.1f} points", points(one.difference) if one.differing else "-", least


def _tokens(one: Accuracy) -> tuple[str, str, str]:
    rate = one.per_1000_tokens
    shown = ("", "") if rate is None else (f"{rate.value:.2f}", between(rate.low, rate.high, "{:.2f}".format))
    return "" if one.tokens is None else f"{one.tokens:,.0f}", *shown


def points(one: Rate) -> str:
    """The interval of a difference, in points."""
    return f"{100 * one.low:+.1f} to {100 * one.high:+.1f}"


def _note(told: Ablation) -> str:
    seeds, plural = len(told.seeds), "" if len(told.seeds) == 1 else "s"
    note = (
        f"{told.questions:,} questions ({told.trained_on} more were trained on), {told.examples:,} "
        f"training rows, equal {told.equal}, {seeds} seed{plural}; {told.note}"
    )
    bases = {place.base for place in told.grid.values()}
    if len(bases) > 1 and any(one.tokens for one in told.accuracy.values()):
        note += "; tokens are those of each base's own tokenizer"
    return note


def power(told: Ablation) -> str:
    """What this number of questions and seeds can show, in a sentence; empty where a file does not say."""
    found, seeds = told.detectable, len(told.seeds)
    if found is None:
        return ""
    spread = f"{100 * found.median:.1f} points"
    if found.least != found.most:
        spread += f" at the median ({100 * found.least:.1f} to {100 * found.most:.1f})"
    said = f"what {told.questions:,} questions and {seeds} seed{'' if seeds == 1 else 's'} can show: "
    if not found.comparisons:
        return (
            f"{said}nothing about training, which takes {FEWEST} seeds; between these very models a true difference "
            f"of {spread} would be found four times in five"
        )
    over = f"over {found.comparisons} comparisons" if found.comparisons > 1 else "in one comparison"
    return (
        f"{said}{over}, a true difference of {spread} would be found four times in five (80 % power, alpha 0.05 after "
        "correction); smaller ones mostly look like none"
    )


def sentences(told: Ablation) -> Iterator[str]:
    """What is said of each pair of groups, and of models that look at no question."""
    for one in told.differences:
        yield gap_line(one)
    yield from _always(told.accuracy)


def brief(told: Ablation) -> Iterator[str]:
    """The same for a terminal: of many pairs, those that differ."""
    if len(told.differences) <= MOST_SHOWN:
        yield from sentences(told)
        return
    found = [one for one in told.differences if one.words in _apart(one)]
    yield from map(gap_line, found)
    yield f"{len(found):,} of {len(told.differences):,} comparisons differ beyond chance"
    yield from _always(told.accuracy)


def _apart(one: Gap) -> tuple[str, str]:
    return f"{one.second} is above {one.first}", f"{one.second} is below {one.first}"


def gap_line(one: Gap) -> str:
    """A difference in a sentence."""
    gap = one.difference
    value = f"{100 * gap.value:+.1f} ({points(gap)}): " if one.differing else ""
    return f"{one.second} - {one.first}: {value}{one.words}"


def _always(accuracy: Mapping[str, Accuracy]) -> Iterator[str]:
    for name, group in accuracy.items():
        picked = sorted({letter for letter in group.always if letter})
        if picked:
            count = sum(letter is not None for letter in group.always)
            of = "" if len(group.always) == 1 else f" ({count} of {len(group.always)} seeds)"
            yield f"{name}: {always_words(' or '.join(picked))}{of}"


def _differences(told: Ablation) -> Table:
    rows = [
        (one.second, one.first, f"{100 * one.difference.value:+.1f}", points(one.difference) if one.differing else "-",
         "-" if one.detectable is None else f"{100 * one.detectable:.1f}",
         "-" if one.p_holm is None else probability(one.p_holm), one.words)
        for one in told.differences
    ]  # fmt: skip
    columns = ("arm", "against", "points", "95 %", "detectable", "p (Holm)", "")
    note = (
        "Each arm against its base, and arms that differ in one thing. Detectable: the true difference in points that "
        "would be found four times in five, at the level that all comparisons leave to this one."
    )
    return Table("Differences", columns, rows, note, words=True)


def markdown(told: Ablation, pictures: Sequence[str]) -> str:
    """The ablation as a Markdown page, with the names of its pictures."""
    lines = ["# Ablation", "", *markdown_lines(table(told)), *([plain(power(told)), ""] if power(told) else [])]
    lines += markdown_lines(_differences(told))
    lines += [f"- {plain(line)}" for line in _always(told.accuracy)]
    lines += ["", *(f"![{name}]({name})" for name in pictures)] if pictures else []
    for one in audit_tables(told.audit or None):
        lines += ["", *markdown_lines(one)]
    return "\n".join(lines).rstrip() + "\n"
