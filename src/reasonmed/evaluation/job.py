"""One job a model: its questions through the ledger, the limits and the live view of every other run."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reasonmed.errors import RecipeError, UsageError
from reasonmed.evaluation.answers import missing
from reasonmed.evaluation.ask import Answers, Asked, job_on, key_of
from reasonmed.evaluation.audit.job import Auditor, audit_job, draw, first_answers
from reasonmed.evaluation.benchmarks import stories_of
from reasonmed.evaluation.folder import EvaluationFolder
from reasonmed.evaluation.loglikelihood import prompt_of
from reasonmed.evaluation.models import as_asked
from reasonmed.evaluation.settings import PROMPTS, Settings
from reasonmed.pipeline.agent import question_fields
from reasonmed.recipe.identity import identity_without_stages, model_identity
from reasonmed.recipe.options import Limits
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import RunJob
from reasonmed.runs.manifest import Written
from reasonmed.runs.session import spent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.evaluation.benchmarks import Benchmark
    from reasonmed.evaluation.models import Candidate
    from reasonmed.types import Story

_NAME = "model"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Which models are asked which questions, how, and where it is written."""

    benchmarks: Sequence[Benchmark]
    candidates: Sequence[Candidate]
    folder: EvaluationFolder
    settings: Settings = field(default_factory=Settings)
    base: str | None = None
    """The model that gains are reported against."""
    margin: float | None = None
    """A loss of accuracy, as a share, that is no matter; each comparison says whether a larger one is ruled out."""
    limits: Limits = field(default_factory=Limits)
    forks: tuple[Path, ...] = ()
    """Older evaluations whose replies are reused."""
    audit: Auditor | None = None
    """Who judges the steps of answers; nobody by default."""


def prepare(evaluation: Evaluation) -> Evaluation:
    """Check everything that can be checked before the first request, and take the folder.

    Raises:
        UsageError: names, protocol, prices or questions do not allow the evaluation.
        RunDirectoryError: the folder belongs to something else.
    """
    made = replace(evaluation, candidates=[_asked(one, evaluation.settings) for one in evaluation.candidates])
    names = [one.name for one in made.candidates]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise UsageError(
            f"-m {', '.join(twice)}: named twice; tell two of one name apart with -m NAME=FOLDER"
            if twice
            else "no model is named: give -m MODEL"
        )
    if made.margin is not None and not 0 < made.margin < 1:
        raise UsageError(f"--margin {100 * made.margin:g}: it must be more than 0 and less than 100 points")
    if made.settings.protocol == "loglikelihood":
        if made.audit is not None:
            raise UsageError("--audit-steps needs answers in words, which --protocol loglikelihood has none of")
        _check_protocol(made)
    if made.settings.protocol == "generate":
        made.settings.template().render(question_fields(made.benchmarks[0].questions[0]))
    everybody = [*made.candidates, *([made.audit.judge] if made.audit else [])]
    unpriced = [one.name for one in everybody if one.entry.priced is None]
    if made.limits.max_cost is not None and unpriced:
        raise RecipeError([f"{name}: has no known price, and a cap needs one" for name in unpriced], "--max-cost")
    if made.base is not None and made.base not in {*names, *(made.folder.models() if made.folder.exists else ())}:
        raise UsageError(f"--base {made.base}: is none of the models {', '.join(names)}")
    made.folder.claim(made.settings.identity())
    made.folder.note(one.fetched for one in made.benchmarks if one.fetched is not None)
    for one in made.candidates:
        made.folder.add(one)
    if made.audit is not None:
        made.folder.add_audit(made.audit.facts(_audit_run(made.audit, made), made.settings.seed))
    return made


def _asked(one: Candidate, settings: Settings) -> Candidate:
    return replace(one, entry=as_asked(one.name, one.entry, settings))


def _check_protocol(evaluation: Evaluation) -> None:
    """The log-likelihood protocol needs models that score, and questions that lm-eval has a prompt for."""
    other = [one.name for one in evaluation.candidates if not one.entry.scores]
    if other:
        raise UsageError(
            "--protocol loglikelihood scores continuations, which only model folders in this process can, not "
            f"{other[0]}"
        )
    for one in evaluation.benchmarks:
        if one.prompt is None:
            raise UsageError(
                f"{one.file}: lm-eval has no log-likelihood task for {one.name}; say which variant a file is, such "
                "as medqa-4options=FILE, or use --protocol generate"
            )
        for question in one.questions:
            prompt_of(question, one.prompt, evaluation.settings.shots)


def jobs(evaluation: Evaluation) -> Iterator[tuple[Candidate, RunJob[Asked, Answers]]]:
    """The jobs, one after the other, so that only one model is in memory; a cap on money counts over all of them."""
    for one in evaluation.candidates:
        yield one, _job(one, evaluation)


def audits(evaluation: Evaluation) -> Iterator[tuple[Candidate, RunJob[Story, Story]]]:
    """The job of an audit, if there is one; its rows are the answers of the models that ``jobs`` has asked by then."""
    if evaluation.audit is not None:
        yield evaluation.audit.judge, _audit(evaluation.audit, evaluation)


def _audit(audit: Auditor, evaluation: Evaluation) -> RunJob[Story, Story]:
    benchmarks, run = list(evaluation.benchmarks), _audit_run(audit, evaluation)
    drawn = draw(benchmarks, audit.questions, evaluation.settings.seed)
    models = [evaluation.folder.path / "models" / one.run for one in evaluation.folder.models().values()]
    runs = [one for one in map(RunDirectory, models) if one.exists and not missing(one, benchmarks)]
    answers = [answer for one in runs for answer in first_answers(one, drawn)]
    limits = _limits(audit.judge, evaluation, run)
    return audit_job(audit, run, answers, limits, _elders(evaluation.forks))


def _audit_run(audit: Auditor, evaluation: Evaluation) -> RunDirectory:
    return evaluation.folder.audit_of(audit.judge.name, audit.identity)


def _job(one: Candidate, evaluation: Evaluation) -> RunJob[Asked, Answers]:
    settings, run = evaluation.settings, evaluation.folder.run_of(one)
    limits = _limits(one, evaluation, run)
    prompts = {
        key_of(found.name, question): found.prompt for found in evaluation.benchmarks for question in found.questions
    }
    told = one.entry.model_dump(mode="json", exclude_none=True, serialize_as_any=True)
    template = settings.template() if settings.protocol == "generate" else None
    identity = identity_without_stages() | {"evaluate": settings.identity(), "model": model_identity(one.entry)}
    return RunJob(
        command="evaluate",
        job=job_on(one.entry, _NAME, settings, prompts),
        models={_NAME: one.entry},
        limits=limits,
        identity=identity,
        written=Written(
            demo=one.entry.demo,
            prompts={PROMPTS.get(settings.prompt, "evaluate"): template.hash} if template else {},
            recipe={"models": {_NAME: told}, "limits": limits.model_dump(mode="json", exclude_none=True)},
            templates=template.sources if template else {},
        ),
        folder=run,
        intake=take_in(Path("questions"), lambda: stories_of(evaluation.benchmarks), Selection()),
        row=lambda story: Asked(story.question, prompts.get(story.question.id)),
        asked={one.name: one.entry},
        forks=_elders(evaluation.forks),
    )


def _limits(one: Candidate, evaluation: Evaluation, run: RunDirectory) -> Limits:
    """The limits for a model: a cap on money is what the other models left of it."""
    limits = evaluation.limits
    if one.folder is not None and "in_flight" not in limits.model_fields_set:
        limits = limits.model_copy(update={"in_flight": max(limits.in_flight, one.entry.limits.in_flight or 0)})
    if limits.questions is None:
        limits = limits.model_copy(update={"questions": limits.in_flight})
    if limits.max_cost is not None:
        others = [other for other in evaluation.folder.runs() if other.path != run.path]
        left = max(0.0, limits.max_cost - sum(_spent(other) for other in others))
        limits = limits.model_copy(update={"max_cost": left})
    return limits


def _spent(run: RunDirectory) -> float:
    with closing(run.reader()) as ledger:
        return spent(ledger)


def _elders(forks: Sequence[Path]) -> tuple[RunDirectory, ...]:
    """The runs of older evaluations."""
    found: list[RunDirectory] = []
    for fork in forks:
        older = EvaluationFolder(fork)
        if not older.exists:
            raise UsageError(f"--fork {fork}: there is no evaluation")
        found += older.runs()
    return tuple(found)
