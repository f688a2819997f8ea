"""Evaluation: models on multiple-choice questions, with the statistics that make a number worth something.

``plan`` reads and checks, ``jobs`` ask, ``audits`` judge, ``conclude`` writes, ``evaluate`` does all of it; from
outside call ``reasonmed.evaluate``, which also screens what is sent.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from reasonmed.evaluation.audit.job import Auditor
from reasonmed.evaluation.audit.judge import auditor
from reasonmed.evaluation.benchmarks import Reading, benchmarks_of
from reasonmed.evaluation.folder import EvaluationFolder
from reasonmed.evaluation.job import Evaluation, audits, jobs, prepare
from reasonmed.evaluation.lm_eval import write_tasks
from reasonmed.evaluation.model_page import write_model_pages
from reasonmed.evaluation.models import Candidate, candidate, candidates, of_endpoint, of_folder
from reasonmed.evaluation.perturbation import perturbations
from reasonmed.evaluation.pool import filled
from reasonmed.evaluation.report import write_reports
from reasonmed.evaluation.results import finish
from reasonmed.evaluation.settings import Settings
from reasonmed.evaluation.shots import Shots
from reasonmed.evaluation.sources import with_files
from reasonmed.evaluation.verifiers_envs import write_environments
from reasonmed.questions.benchmarks.fetching import on_hub
from reasonmed.recipe.options import Limits
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from reasonmed.evaluation.outcome import Results
    from reasonmed.questions.benchmarks.fetching import Fetched

__all__ = [
    "Auditor",
    "Candidate",
    "Evaluation",
    "Limits",
    "Reading",
    "Settings",
    "Shots",
    "auditor",
    "audits",
    "candidate",
    "candidates",
    "conclude",
    "evaluate",
    "jobs",
    "of_endpoint",
    "of_folder",
    "on_hub",
    "perturbations",
    "plan",
    "prepare",
    "with_files",
]


def plan(  # noqa: PLR0913 - what to ask, whom, where and how
    questions: Sequence[str | Path | Fetched],
    models: Sequence[Candidate],
    out: Path,
    settings: Settings | None = None,
    *,
    base: str | None = None,
    margin: float | None = None,
    reading: Reading | None = None,
    limits: Limits | None = None,
    forks: tuple[Path, ...] = (),
    audit: Auditor | None = None,
) -> Evaluation:
    """An evaluation with its questions read and everything checked that can be checked before the first request.

    Raises:
        ReasonMedError: files, models, settings or the folder do not allow it.
    """
    settings = settings or Settings()
    reading = (reading or Reading())._replace(context=settings.context)
    benchmarks = benchmarks_of(with_files(questions, out), reading)
    if settings.shots is not None:
        settings = replace(settings, shots=filled(settings.shots, benchmarks, reading))
    return prepare(
        Evaluation(
            benchmarks=benchmarks,
            candidates=models,
            folder=EvaluationFolder(out),
            settings=settings,
            base=base,
            margin=margin,
            limits=limits or Limits(),
            forks=forks,
            audit=audit,
        )
    )


def conclude(evaluation: Evaluation) -> Results:
    """Write ``results.json``, the answers, the reports, ``.eval_results/`` and the tasks; returns the results."""
    told = finish(evaluation)
    write_reports(evaluation.folder.path, told)
    write_model_pages(evaluation.folder.path, told)
    write_tasks(evaluation)
    write_environments(evaluation)
    return told


def evaluate(  # noqa: PLR0913 - what to ask, whom, where and how
    questions: Sequence[str | Path | Fetched],
    models: Sequence[Candidate],
    out: Path,
    settings: Settings | None = None,
    *,
    base: str | None = None,
    margin: float | None = None,
    reading: Reading | None = None,
    limits: Limits | None = None,
    forks: tuple[Path, ...] = (),
    audit: Auditor | None = None,
) -> Results:
    """Ask every model every question and write the results; the same call again asks nothing twice.

    Not to be called where an event loop runs: it runs its own.

    Args:
        questions: question files, each one benchmark; ``NAME=FILE`` says which pinned variant a file is, and
            ``hub:NAME`` fetches a variant's own files.
        models: whom to ask, one after the other; see ``candidate``, ``of_folder`` and ``of_endpoint``.
        out: the folder to write; models may be added to it by later calls with the same settings.
        settings: how to ask.
        base: the name of the model that gains are told against; each model's own base by default.
        margin: a loss of accuracy, as a share, that is no matter: comparisons say whether a larger one is ruled out.
        reading: which rows of the files, and their layout.
        limits: how hard endpoints may be pushed, and a cap on money over all models.
        forks: older evaluations whose replies are reused.
        audit: who judges the steps of the answers, and of how many questions; see ``auditor``.

    Returns:
        What ``results.json`` holds; docs/evaluate.md says what that is. Rates are between 0 and 1.

    Raises:
        ReasonMedError: files, models, settings or the folder do not allow it; or the run drained before its end.
    """
    evaluation = plan(
        questions,
        models,
        out,
        settings,
        base=base,
        margin=margin,
        reading=reading,
        limits=limits,
        forks=forks,
        audit=audit,
    )
    for _, job in jobs(evaluation):
        asyncio.run(execute(job, Watch()))
    for _, audited in audits(evaluation):
        asyncio.run(execute(audited, Watch()))
    return conclude(evaluation)
