"""Checkpoints of one training as a curve: accuracy by step, with intervals, as a table and as points to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.evaluation.scores import Part
from reasonmed.evaluation.tables import Table, points, probability, with_interval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.evaluation.comparisons import Difference
    from reasonmed.evaluation.outcome import Results
    from reasonmed.evaluation.scores import ModelResults, Rate


class Step(NamedTuple):
    """A checkpoint on a benchmark."""

    step: int
    model: str
    n: int
    accuracy: Rate | None
    compared: Difference | None
    """The comparison with the model that it is set against; None where it is set against none."""
    against: str
    clean: bool
    """Whether the questions that the training saw are left out."""


def trajectories(results: Results) -> Iterator[tuple[str, str, list[Step]]]:
    """Training, benchmark and checkpoints in order of their steps; of trainings with two steps or more."""
    runs: dict[tuple[str, str], list[ModelResults]] = {}
    for model in results.models:
        if moment := model.checkpoint:
            runs.setdefault((moment.run, moment.mark), []).append(model)
    names = [run for run, _ in runs]
    for (run, mark), models in runs.items():
        label = run if names.count(run) == 1 else f"{run} ({mark})"
        for one in results.benchmarks:
            steps = sorted(filter(None, (_step(model, one.name, results) for model in models)))
            if len({step.step for step in steps}) > 1:
                yield label, one.name, steps


def _step(model: ModelResults, benchmark: str, results: Results) -> Step | None:
    """A checkpoint on a benchmark, on the questions that its training did not see; None where there is none."""
    cell = model.benchmarks[benchmark]
    found = cell.clean if cell.clean and cell.overlap else Part(cell.n, cell.accuracy)
    if not found.n or model.checkpoint is None:
        return None
    compared = next((one for one in results.comparisons if one.second == model.name), None)
    return Step(
        step=model.checkpoint.step,
        model=model.name,
        n=found.n,
        accuracy=found.accuracy,
        compared=compared.benchmarks.get(benchmark) if compared else None,
        against=compared.first if compared else "",
        clean=bool(cell.overlap),
    )


def trajectory_tables(results: Results) -> Iterator[Table]:
    """One table a training."""
    found: dict[str, list[tuple[str, Step]]] = {}
    for run, benchmark, steps in trajectories(results):
        found.setdefault(run, []).extend((benchmark, step) for step in steps)
    columns = ("benchmark", "step", "model", "n", "accuracy % (95 %)", "difference (95 %)", "against", "p (Holm)")
    for run, listed in found.items():
        rows = [(benchmark, f"{one.step:,}", one.model, *_shown(one)) for benchmark, one in listed]
        note = "Intervals are of each checkpoint by itself; p is corrected over all comparisons of this report."
        if any(one.clean for _, one in listed):
            note += " Questions that the training saw are left out."
        yield Table(f"Checkpoints of {run}", columns, rows, note)


def _shown(one: Step) -> tuple[str, ...]:
    rate = f"{one.n:,}", with_interval(one.accuracy)
    if one.compared is None:
        return (*rate, "-", "-", "-")
    return (*rate, points(one.compared), one.against, probability(one.compared.p_holm))
