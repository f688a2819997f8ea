"""Accuracy over shares and over epochs, a picture a variant, with a line a base."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.evaluation.ablation.grid import called
from reasonmed.files import write_atomically
from reasonmed.report import plot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reasonmed.evaluation.ablation.facts import Ablation
    from reasonmed.evaluation.ablation.pooled import Accuracy

    Series = dict[str, list[tuple[float, plot.Bar]]]


class Picture(NamedTuple):
    """A picture before it is drawn."""

    file: str
    title: str
    axis: str
    series: Series


def pictures(told: Ablation) -> Iterator[Picture]:
    """What there is to draw: an axis of the grid with two values or more."""
    trained = {name: place for name, place in told.grid.items() if place.variant}
    for axis, other in (("share", "epochs"), ("epochs", "share")):
        several = len({getattr(place, other) for place in trained.values()}) > 1
        for variant in dict.fromkeys(place.variant for place in trained.values()):
            series: Series = {}
            for name, place in trained.items():
                if place.variant == variant:
                    line = called(place.base) + (f", {other} {getattr(place, other):g}" if several else "")
                    series.setdefault(line, []).append((getattr(place, axis), _bar(told.accuracy[name])))
            lines = {line: sorted(found) for line, found in series.items() if len(found) > 1}
            if lines:
                yield Picture(f"accuracy-by-{axis}-{variant}.svg", f"Accuracy by {axis}: {variant}", axis, lines)


def draw(told: Ablation, out: Path, tell: Callable[[str], None]) -> list[str]:
    """Write the pictures; returns their names, and says why where they cannot be drawn."""
    done: list[str] = []
    try:
        for one in pictures(told):
            drawn = plot.alone(plot.intervals(one.title, one.series, one.axis, "accuracy %"))
            write_atomically(out / one.file, drawn)
            done.append(one.file)
    except UsageError as missing:
        tell(f"no pictures: {missing}")
    return done


def _bar(one: Accuracy) -> plot.Bar:
    return plot.Bar(100 * one.value, 100 * one.low, 100 * one.high)
