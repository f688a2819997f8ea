"""The plots of an evaluation: accuracy with intervals by benchmark, subject and tier, and by length of the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.errors import UsageError
from reasonmed.evaluation.metrics import each
from reasonmed.report import page, plot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.report.page import Html


def plots(told: Mapping[str, Any]) -> Iterator[Html]:
    """The plots of an evaluation; a paragraph that says why where there are none."""
    try:
        yield _bars("Accuracy by benchmark (95 % intervals)", by_group(told, None))
        for what in ("subjects", "tiers"):
            found = by_group(told, what)
            if found:
                yield _bars(f"Accuracy by {what.removesuffix('s')}", found)
        for name, points in _lengths(told).items():
            yield plot.lines(f"Accuracy by length of the reply: {name}", points, "median tokens", "accuracy %")
    except UsageError as missing:
        yield page.paragraph(f"No plots: {missing}", note=True)


def _lengths(told: Mapping[str, Any]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Points of length and accuracy, by benchmark and model; none where replies are all about as long."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, model, cell in each(told):
        points = [(one["tokens"], 100 * one["accuracy"]["value"]) for one in cell["lengths"]]
        if points and len({tokens for tokens, _ in points}) == len(points) and told["protocol"] == "generate":
            found.setdefault(name, {})[model] = points
    return found


def by_group(told: Mapping[str, Any], what: str | None) -> dict[str, dict[str, dict[str, float]]]:
    """Accuracies by group and model; a group says of which benchmark it is where there are several."""
    groups: dict[str, dict[str, dict[str, float]]] = {}
    several = len(told["benchmarks"]) > 1
    for name, model, cell in each(told):
        for group, found in ({name: cell} if what is None else cell[what]).items():
            label = f"{group} ({name})" if several and what is not None else group
            groups.setdefault(label, {})[model] = found["accuracy"]
    return groups


def _bars(title: str, groups: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Html:
    return plot.bars(
        title,
        {
            group: {
                model: plot.Bar(*(100 * found[end] for end in ("value", "low", "high"))) for model, found in one.items()
            }
            for group, one in groups.items()
        },
        "accuracy %",
    )
