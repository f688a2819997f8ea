"""The plots of an evaluation: accuracy with intervals by benchmark, subject and tier, and by length of the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.errors import UsageError
from reasonmed.evaluation.metrics import each
from reasonmed.evaluation.trajectory import trajectories
from reasonmed.report import page, plot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.report.page import Html


def plots(told: Mapping[str, Any]) -> Iterator[Html]:
    """The plots of an evaluation; a paragraph that says why where there are none."""
    try:
        yield _bars(f"Accuracy by benchmark (95 % intervals){_all(told)}", by_group(told, None))
        for what in ("subjects", "tiers"):
            found = by_group(told, what)
            if found:
                yield _bars(f"Accuracy by {what.removesuffix('s')}", found)
        for title, series in _trajectories(told).items():
            yield plot.intervals(f"Accuracy by training step: {title}", series, "step", "accuracy %")
        for name, points in _lengths(told).items():
            yield plot.lines(f"Accuracy by length of the reply: {name}", points, "median tokens", "accuracy %")
        for name, points in _curves(told, "budget", "tokens", ("accuracy",)).items():
            yield plot.lines(f"Accuracy by a limit of output tokens: {name}", points, "tokens a reply", "accuracy %")
        for name, points in _curves(told, "curve", "k", ("majority", "pass")).items():
            yield plot.lines(f"Majority of k samples, and pass@k: {name}", points, "k", "questions %")
    except UsageError as missing:
        yield page.paragraph(f"No plots: {missing}", note=True)


def _trajectories(told: Mapping[str, Any]) -> dict[str, dict[str, list[tuple[float, plot.Bar]]]]:
    """Points of checkpoints by training and benchmark; one picture a training."""
    found: dict[str, dict[str, list[tuple[float, plot.Bar]]]] = {}
    for run, benchmark, steps in trajectories(told):
        found.setdefault(run, {})[benchmark] = [(float(one.step), _bar(one.accuracy)) for one in steps]
    return found


def _bar(rate: Mapping[str, float]) -> plot.Bar:
    return plot.Bar(*(100 * rate[end] for end in ("value", "low", "high")))


def _all(told: Mapping[str, Any]) -> str:
    """What bars of models side by side are of, where some questions were trained on."""
    return ", all questions, also those trained on" if any(cell["overlap"] for *_, cell in each(told)) else ""


def _curves(
    told: Mapping[str, Any], what: str, x: str, measures: tuple[str, ...]
) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Points of curves by benchmark and model; none where nothing was generated."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for name, model, cell in each(told):
        for measure in measures if told["protocol"] == "generate" else ():
            points = [(one[x], 100 * one[measure]) for one in cell[what]]
            label = model if len(measures) == 1 else f"{model}: {measure}"
            if points:
                found.setdefault(name, {})[label] = points
    return found


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
        {group: {model: _bar(found) for model, found in one.items()} for group, one in groups.items()},
        "accuracy %",
    )
