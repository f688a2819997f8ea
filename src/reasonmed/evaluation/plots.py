"""The plots of an evaluation: accuracy with intervals by benchmark, subject and tier, and by length of the reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import UsageError
from reasonmed.evaluation.scores import GROUPS, Part
from reasonmed.evaluation.trajectory import trajectories
from reasonmed.report import page, plot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reasonmed.evaluation.audit.facts import Audit
    from reasonmed.evaluation.outcome import Results
    from reasonmed.evaluation.scores import Rate, Score
    from reasonmed.report.page import Html

    Curves = dict[str, list[tuple[float, float]]]
    """Points by what is measured."""


def plots(results: Results) -> Iterator[Html]:
    """The plots of an evaluation; a paragraph that says why where there are none."""
    try:
        yield _bars(f"Accuracy by benchmark (95 % intervals){_all(results)}", by_group(results, None))
        for what in GROUPS:
            found = by_group(results, what)
            if found:
                yield _bars(f"Accuracy by {what}", found)
        if results.audit and (found := by_figure(results.audit)):
            yield _bars("Audit of steps (95 % intervals)", found, "%")
        for name, found in by_perturbation(results).items():
            yield _bars(f"Accuracy as asked and perturbed: {name} (same questions, 95 % intervals)", found)
        for title, series in _trajectories(results).items():
            yield plot.intervals(f"Accuracy by training step: {title}", series, "step", "accuracy %")
        for name, points in _lengths(results).items():
            yield plot.lines(f"Accuracy by length of the reply: {name}", points, "median tokens", "accuracy %")
        for name, points in _curves(results, _limits).items():
            yield plot.lines(f"Accuracy by a limit of output tokens: {name}", points, "tokens a reply", "accuracy %")
        for name, points in _curves(results, _samples).items():
            yield plot.lines(f"Majority of k samples, and pass@k: {name}", points, "k", "questions %")
    except UsageError as missing:
        yield page.paragraph(f"No plots: {missing}", note=True)


def _trajectories(results: Results) -> dict[str, dict[str, list[tuple[float, plot.Bar]]]]:
    """Points of checkpoints by training and benchmark; one picture a training."""
    found: dict[str, dict[str, list[tuple[float, plot.Bar]]]] = {}
    for run, benchmark, steps in trajectories(results):
        found.setdefault(run, {})[benchmark] = [(float(one.step), _bar(one.accuracy)) for one in steps if one.accuracy]
    return found


def _bar(rate: Rate) -> plot.Bar:
    return plot.Bar(100 * rate.value, 100 * rate.low, 100 * rate.high)


def _all(results: Results) -> str:
    """What bars of models side by side are of, where some questions were trained on."""
    return ", all questions, also those trained on" if any(cell.overlap for *_, cell in results.each()) else ""


def _curves(results: Results, curves: Callable[[Score], Curves]) -> dict[str, Curves]:
    """Points of curves by benchmark and model; none where nothing was generated."""
    found: dict[str, Curves] = {}
    for name, model, cell in results.each() if results.protocol == "generate" else ():
        for measure, points in curves(cell).items():
            if points:
                found.setdefault(name, {})[f"{model}: {measure}" if measure else model] = points
    return found


def _limits(cell: Score) -> Curves:
    return {"": [(one.tokens, 100 * one.accuracy) for one in cell.budget]}


def _samples(cell: Score) -> Curves:
    return {
        "majority": [(one.k, 100 * one.majority) for one in cell.curve],
        "pass": [(one.k, 100 * one.passed) for one in cell.curve],
    }


def _lengths(results: Results) -> dict[str, Curves]:
    """Points of length and accuracy, by benchmark and model; none where replies are all about as long."""
    found: dict[str, Curves] = {}
    for name, model, cell in results.each():
        points = [(one.tokens, 100 * one.accuracy.value) for one in cell.lengths]
        if points and len({tokens for tokens, _ in points}) == len(points) and results.protocol == "generate":
            found.setdefault(name, {})[model] = points
    return found


def by_group(results: Results, what: str | None) -> dict[str, dict[str, Rate]]:
    """Accuracies by group and model; a group says of which benchmark it is where there are several."""
    groups: dict[str, dict[str, Rate]] = {}
    several = len(results.benchmarks) > 1
    for name, model, cell in results.each():
        parts = {name: Part(cell.n, cell.accuracy)} if what is None else GROUPS[what](cell)
        for group, found in parts.items():
            label = f"{group} ({name})" if several and what is not None else group
            if found.accuracy is not None:
                groups.setdefault(label, {})[model] = found.accuracy
    return groups


def by_perturbation(results: Results) -> dict[str, dict[str, dict[str, Rate]]]:
    """Accuracies by perturbation, by benchmark as asked and perturbed, and by model."""
    found: dict[str, dict[str, dict[str, Rate]]] = {}
    for one in results.perturbations or ():
        groups = found.setdefault(one.perturbation, {})
        groups.setdefault(f"{one.benchmark}, as asked", {})[one.model] = one.unperturbed
        groups.setdefault(f"{one.benchmark}, {one.perturbation}", {})[one.model] = one.perturbed
    return found


def by_figure(audit: Audit) -> dict[str, dict[str, Rate]]:
    """Shares of an audit by what they are of, and by model."""
    found: dict[str, dict[str, Rate]] = {}
    for one in audit.models:
        for what, rate in (
            ("wrong steps", one.wrong),
            ("unsupported steps", one.unsupported),
            ("right answers with a severe fault", one.severe),
        ):
            if rate is not None:
                found.setdefault(what, {})[one.name] = rate
    return found


def _bars(title: str, groups: Mapping[str, Mapping[str, Rate]], unit: str = "accuracy %") -> Html:
    return plot.bars(
        title,
        {group: {model: _bar(found) for model, found in one.items()} for group, one in groups.items()},
        unit,
    )
