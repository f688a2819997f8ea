"""Which part of the data does the work: arms trained alike, with several seeds, scored on the same questions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.documents import json_text
from reasonmed.evaluation import Reading, audits, conclude, jobs
from reasonmed.evaluation import plan as plan_of
from reasonmed.evaluation.ablation import estimate
from reasonmed.evaluation.ablation import training as arms
from reasonmed.evaluation.ablation.facts import Ablation, Fitted, Place
from reasonmed.evaluation.ablation.grid import BASE, Arm, Axes, Cell, Equal, Plan, check, pairs
from reasonmed.evaluation.ablation.pictures import draw
from reasonmed.evaluation.ablation.pooled import NO_VARIANCE, pooled
from reasonmed.evaluation.ablation.tables import markdown
from reasonmed.evaluation.answers import read_results
from reasonmed.evaluation.benchmarks import benchmarks_of
from reasonmed.evaluation.sources import with_files
from reasonmed.files import make_folder, write_atomically
from reasonmed.report.statistics.seeds import FEWEST
from reasonmed.runs.consent import screened
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.training import dependencies as extra
from reasonmed.training.lineage import lineage
from reasonmed.training.record import RECORD, RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from reasonmed.evaluation import Auditor, Candidate, Settings
    from reasonmed.evaluation.answers import Result
    from reasonmed.evaluation.outcome import Results
    from reasonmed.runs.job import RunJob
    from reasonmed.types import Story

__all__ = ["BASE", "ONE_SEED", "RESULT", "Ablation", "Arm", "Axes", "Cell", "Equal", "Plan", "foreseen", "run", "score"]

RESULT = "ablation.json"
TABLE = "ablation.md"
ONE_SEED = f"{NO_VARIANCE} with fewer than {FEWEST} seeds: intervals are of these very models"


def foreseen(
    source: Path,
    plan: Plan,
    questions: Sequence[Path],
    out: Path,
    asked: tuple[Settings, Reading],
    tell: Callable[[str], None],
) -> arms.Ready:
    """Check everything that can be checked before a training, and say how much there is to do; writes nothing.

    Raises:
        ReasonMedError: data, settings, models or questions do not allow it.
    """
    extra.need()
    check(plan)
    settings, reading = asked
    read = benchmarks_of(with_files(questions, out / "evaluation"), reading._replace(context=settings.context))
    every = [question for one in read for question in one.questions]
    made = arms.ready(source, plan)
    answers = len(every), sum(len(settings.draws(question)) for question in every)
    for line in estimate.estimate(plan, made.sizes, made.common, arms.paces(plan, out), answers).lines():
        tell(line)
    return made


def run(
    source: Path,
    plan: Plan,
    questions: Sequence[Path],
    out: Path,
    asked: tuple[Settings, Reading],
    tell: Callable[[str], None],
) -> Ablation:
    """Train every arm, evaluate all of them and their bases, and write the result; the same call again resumes.

    Args:
        source: an export with the ``trl-sft`` files of all variants.
        plan: which arms, with which seeds, and what they have equal.
        questions: question files.
        out: the folder for models, evaluation and result.
        asked: how and which questions are asked.
        tell: called with a line of progress.

    Raises:
        ReasonMedError: data, settings, model or questions do not allow it.
    """
    made = foreseen(source, plan, questions, out, asked, tell)
    make_folder(out)
    candidates = arms.untrained(plan, out)
    settings, reading = asked
    plan_of(list(questions), candidates, out / "evaluation", settings, reading=reading)
    arms.train(made, out, tell)
    candidates += arms.trained(plan, out)
    tell(f"evaluating {len(candidates)} models")
    scored = score(questions, candidates, out / "evaluation", asked, plan.audit, tell, base=_only_base(plan))
    answers = {one.name: out / "evaluation" / one.answers_file for one in scored.models}
    read = {name: read_results(path) for name, path in answers.items()}
    told = _result(plan, out, read, len(made.common), counted=settings.protocol == "generate")
    told = replace(told, audit=scored.audit)
    write_atomically(out / RESULT, json_text(told))
    pictures = draw(told, out, tell)
    write_atomically(out / TABLE, markdown(told, pictures))
    return told


def _only_base(plan: Plan) -> str | None:
    """The base that all models are set against; None where each one has its own."""
    names = {cell.untrained for cell in plan.cells}
    return names.pop() if len(names) == 1 else None


def score(  # noqa: PLR0913 - whom to ask what, where and how
    questions: Sequence[Path],
    candidates: Sequence[Candidate],
    out: Path,
    asked: tuple[Settings, Reading],
    audit: Auditor | None,
    tell: Callable[[str], None],
    *,
    base: str | None = BASE,
) -> Results:
    """Evaluate the bases and all arms, and have the steps of their answers judged where somebody is to."""
    settings, reading = asked
    planned = plan_of(list(questions), candidates, out, settings, base=base, reading=reading, audit=audit)
    for _, job in jobs(planned):
        asyncio.run(execute(job, Watch()))
    for one, judging in audits(planned):
        tell(f"steps judged by {one.name}")
        asyncio.run(execute(_screened(judging, tell), Watch()))
    return conclude(planned)


def _screened(job: RunJob[Story, Story], tell: Callable[[str], None]) -> RunJob[Story, Story]:
    job, warning = screened(job, None)
    if warning:
        tell(warning)
    return job


def _result(plan: Plan, out: Path, results: dict[str, list[Result]], examples: int, *, counted: bool) -> Ablation:
    folder, cells = out / arms.MODELS, plan.cells
    runs = {arm.name: RECORD.read(folder / arm.name / RUN) for arm in plan.arms}
    stems = {stem for arm in plan.arms for stem in lineage(folder / arm.name).stems or ()}
    grid = {cell.untrained: Place(cell.base, cell.untrained) for cell in cells}
    groups: dict[str, list[list[Result]]] = {name: [results[name]] for name in grid}
    for arm in plan.arms:
        groups.setdefault(arm.cell.name, []).append(results[arm.name])
    found = pooled(groups, tuple(grid), stems, pairs(cells), counted=counted)
    for cell in cells:
        grid[cell.name] = Place(cell.base, cell.untrained, cell.variant, cell.epochs, cell.share)
    return Ablation(
        version=1,
        equal=plan.equal,
        examples=examples,
        seeds=list(plan.seeds),
        note=ONE_SEED if len(plan.seeds) < FEWEST else "intervals include the draw of questions and of seeds",
        rows_without_stem=max(told.rows_without_stem for told in runs.values()),
        models={
            name: Fitted(told.loss, told.layout.steps, told.data.tokens, told.data.trained_on)
            for name, told in runs.items()
        },
        questions=found.questions,
        trained_on=found.trained_on,
        accuracy=found.accuracy,
        differences=found.differences,
        grid=grid,
        detectable=found.detectable,
    )
