"""``evaluate``: models on questions, from Python."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, cast

from reasonmed import evaluation
from reasonmed.api.recipes import Endpoint, load_recipe
from reasonmed.api.running import agreed, awaitable, blocking, log, without_patients
from reasonmed.api.several import paths
from reasonmed.evaluation import Auditor, Candidate, Limits, Reading
from reasonmed.evaluation.outcome import results_in
from reasonmed.questions import Settings as FileSettings
from reasonmed.questions.given import Questions, as_file
from reasonmed.runs.intake import selected

if TYPE_CHECKING:
    from reasonmed.api.recipes import Source
    from reasonmed.api.running import Session
    from reasonmed.api.several import Paths
    from reasonmed.evaluation import Settings
    from reasonmed.evaluation.outcome import Results
    from reasonmed.recipe import Recipe

Given = Questions | Sequence[str | os.PathLike[str]]
Model = str | os.PathLike[str] | Endpoint | Candidate
"""A model folder or .gguf file (also ``NAME=PATH``), ``embedded``, a model of the recipe, or an ``endpoint``."""


async def _evaluate(  # noqa: D417, PLR0913 - callers see no session; as many as the command has options
    session: Session,
    questions: Given,
    models: Model | Sequence[Model],
    out: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    base: str | None = None,
    margin: float | None = None,
    recipe: Source | None = None,
    limit: int | None = None,
    sample: int | None = None,
    seed: int = 0,
    layout: str | None = None,
    cop_base: int | None = None,
    skip_bad: bool = False,
    max_cost: float | None = None,
    fork: Paths = (),
    audit_steps: int | None = None,
    judge: str | os.PathLike[str] | Endpoint | Candidate | None = None,
    judge_card: str | os.PathLike[str] | None = None,
    phi: str | None = None,
    yes: bool = False,
    progress: bool = False,
) -> Results:
    """Ask every model every question and write the results; the same call again asks nothing twice.

    Args:
        questions: question files, each one benchmark (``NAME=FILE`` says which pinned variant a file is, ``hub:NAME``
            fetches one), or the rows of one.
        models: whom to ask, one after the other: model folders or .gguf files, ``embedded``, models of the recipe, or
            an ``endpoint``.
        out: the folder to write; models may be added to it by later calls with the same settings.
        settings: how to ask (``EvaluationSettings``).
        base: the model that gains are against; each one's own base by default.
        margin: a loss of accuracy, as a share, that is no matter: comparisons say whether a larger one is ruled out.
        recipe: whose models can be named, and whose limits count.
        limit: only the first so many rows of each file.
        sample: so many rows of each file, drawn by a hash of their ids.
        seed: the seed of ``sample``.
        layout: the files' layout, where their look is not enough.
        cop_base: whether integer keys, such as MedMCQA's ``cop``, count from 0 or from 1.
        skip_bad: leave bad rows out.
        max_cost: USD that all models together may cost.
        fork: older evaluations whose replies are reused.
        audit_steps: the number of questions for which the steps of each model's answer are judged too, 200 by default.
        judge: who judges them, named as models are; without it nobody does.
        judge_card: a card of the judge, by which the share of faulty steps is corrected for its errors.
        phi: on questions that may identify patients: ``warn`` (for models elsewhere), ``refuse`` or ``off``.
        yes: agree to send a variable that is named after another service to the host, and to start what `serve` names.
        progress: show the live view on standard error.

    Returns:
        What ``results.json`` holds; the folder has the reports beside it.

    Raises:
        ReasonMedError: files, models, settings or the folder do not allow it; or it stopped before its end.
        KeyboardInterrupt: an interrupt came; what was under way has ended, and the same call again resumes.
    """
    chosen = None if recipe is None else load_recipe(recipe)
    several = [models] if isinstance(models, str | os.PathLike | Endpoint | Candidate) else models
    candidates = [one for model in several for one in _candidates(model, chosen)]
    audit = _auditor(audit_steps, judge, judge_card, chosen)
    agreed({one.name: one.entry for one in [*candidates, *([audit.judge] if audit else [])]}, yes=yes)
    limits = chosen.limits if chosen else Limits()
    with ExitStack() as stack:
        planned = evaluation.plan(
            [*_sources(questions, stack)],
            candidates,
            Path(out),
            settings,
            base=base,
            margin=margin,
            reading=Reading(selected(limit, sample, seed), FileSettings(layout, cop_base), skip_bad),
            limits=limits if max_cost is None else limits.model_copy(update={"max_cost": max_cost}),
            forks=tuple(paths(fork)),
            audit=audit,
        )
        for one, job in evaluation.jobs(planned):
            log.info("asking %s (%s)", one.name, one.entry.label)
            await session.do(without_patients(job, phi), progress=progress)
        for one, audited in evaluation.audits(planned):
            log.info("steps judged by %s (%s)", one.name, one.entry.label)
            await session.do(without_patients(audited, phi), progress=progress)
        evaluation.conclude(planned)
    return results_in(Path(out))


def _auditor(
    count: int | None, judge: Model | None, card: str | os.PathLike[str] | None, recipe: Recipe | None
) -> Auditor | None:
    given = judge if isinstance(judge, Candidate) or judge is None else _judge(judge, recipe)
    return evaluation.auditor(count, given, recipe, None if card is None else Path(card))


def _judge(judge: Model, recipe: Recipe | None) -> str | Candidate:
    return _candidates(judge, recipe)[0] if isinstance(judge, Endpoint | Candidate) else os.fspath(judge)


def _sources(questions: Given, stack: ExitStack) -> list[str | Path]:
    """Files by their names, and rows as one."""
    if isinstance(questions, str):
        return [questions]
    if isinstance(questions, Sequence):
        files = [one for one in questions if isinstance(one, str | os.PathLike)]
        if files and len(files) == len(questions):
            return [one if isinstance(one, str) else Path(one) for one in files]
    return [stack.enter_context(as_file(cast("Questions", questions)))]


def _candidates(model: Model, recipe: Recipe | None) -> list[Candidate]:
    if isinstance(model, Candidate):
        return [model]
    if isinstance(model, Endpoint):
        return [evaluation.of_endpoint(model.url, model.model, model.key_env)]
    return evaluation.candidates(os.fspath(model), recipe)


evaluate = blocking(_evaluate)
aevaluate = awaitable(_evaluate)
