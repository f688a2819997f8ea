"""Which part of the data does the work: variants trained alike, with several seeds, scored on the same questions."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from reasonmed.documents import json_text
from reasonmed.errors import UsageError
from reasonmed.evaluation import Reading, audits, conclude, jobs, of_folder
from reasonmed.evaluation import plan as plan_of
from reasonmed.evaluation.ablation.pooled import NO_VARIANCE, Accuracy, Gap, pooled
from reasonmed.evaluation.answers import read_results
from reasonmed.evaluation.audit.facts import Audit
from reasonmed.files import make_folder, write_atomically
from reasonmed.report.statistics.seeds import FEWEST
from reasonmed.runs.consent import screened
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.training import dependencies as extra
from reasonmed.training import models
from reasonmed.training import run as fit
from reasonmed.training.lineage import extended, lineage
from reasonmed.training.methods import sft
from reasonmed.training.prepare import Prepared, prepare
from reasonmed.training.progress import Progress
from reasonmed.training.record import BEGUN, RECORD, RUN, STARTED, VERSION, Ends
from reasonmed.training.settings import Training, changed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reasonmed.evaluation import Auditor, Candidate, Settings
    from reasonmed.evaluation.answers import Result
    from reasonmed.evaluation.outcome import Results
    from reasonmed.runs.job import RunJob
    from reasonmed.training.data import Data, Row
    from reasonmed.types import Story

BASE = "base"
RESULT = "ablation.json"
ENGINE = "transformers"
"""One back end for all models of an ablation, also where a part of them is asked by a later call."""
ONE_SEED = f"{NO_VARIANCE} with fewer than {FEWEST} seeds: intervals are of these very models"

Equal = Literal["examples", "tokens"]


class Fitted(Struct, frozen=True):
    """How one model was trained."""

    loss: Ends
    steps: int
    tokens: int


class Ablation(Struct, frozen=True, kw_only=True):
    """What ``ablation.json`` holds."""

    version: int
    equal: Equal
    examples: int
    seeds: list[int]
    note: str
    rows_without_stem: int
    models: dict[str, Fitted]
    questions: int
    trained_on: int
    accuracy: dict[str, Accuracy]
    differences: list[Gap]
    audit: Audit | UnsetType = UNSET
    """The steps of the answers of each model, and each against the base; absent where nobody audited them."""


class Arm(NamedTuple):
    """One model of an ablation: a variant, a share of its rows, a seed."""

    variant: str
    seed: int
    share: float = 1.0

    @property
    def group(self) -> str:
        """What arms that differ in the seed alone have in common."""
        return self.variant if self.share == 1 else f"{self.variant}-{self.share:.0%}".replace("%", "pct")

    @property
    def name(self) -> str:
        """The model's folder."""
        return f"{self.group}-{self.seed}"


class Plan(NamedTuple):
    """What an ablation does."""

    settings: Training
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    equal: Equal = "examples"
    shares: tuple[float, ...] = ()
    """Smaller shares of the rows of the first variant, as arms of their own."""
    audit: Auditor | None = None
    """Who judges the steps of the answers; nobody by default."""

    @property
    def arms(self) -> list[Arm]:
        """Every model to train."""
        groups = [(variant, 1.0) for variant in self.variants] + [(self.variants[0], share) for share in self.shares]
        return [Arm(variant, seed, share) for variant, share in groups for seed in self.seeds]


def run(
    source: Path,
    plan: Plan,
    questions: Sequence[Path],
    out: Path,
    asked: tuple[Settings, Reading],
    tell: Callable[[str], None],
) -> Ablation:
    """Train every arm, evaluate all of them and the base, and write ``ablation.json``; the same call again resumes.

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
    extra.need()
    if plan.settings.method != "sft":
        raise UsageError(
            f"method: {plan.settings.method}: an ablation compares what fine-tuning learns; say method: sft"
        )
    rows = {variant: sft.read(source, changed(plan.settings, {"variant": variant})) for variant in plan.variants}
    common = _common(rows)
    make_folder(out)
    for arm in plan.arms:
        tell(f"{arm.name}: training")
        _train(arm, plan, source, (out, common), tell)
    candidates = [of_folder(_base(plan.settings, out), BASE, ENGINE)]
    candidates += [of_folder(out / "models" / arm.name, arm.name, ENGINE) for arm in plan.arms]
    tell(f"evaluating {len(candidates)} models")
    scored = score(questions, candidates, out / "evaluation", asked, plan.audit, tell)
    answers = {one.name: out / "evaluation" / one.answers_file for one in scored.models}
    told = _result(plan, out, {name: read_results(path) for name, path in answers.items()}, len(common))
    told = replace(told, audit=scored.audit)
    write_atomically(out / RESULT, json_text(told))
    return told


def score(
    questions: Sequence[Path],
    candidates: Sequence[Candidate],
    out: Path,
    asked: tuple[Settings, Reading],
    audit: Auditor | None,
    tell: Callable[[str], None],
) -> Results:
    """Evaluate the base and all arms, and have the steps of their answers judged where somebody is to."""
    settings, reading = asked
    planned = plan_of(list(questions), candidates, out, settings, base=BASE, reading=reading, audit=audit)
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


def _common(rows: dict[str, Data[Row]]) -> frozenset[str]:
    """Ids of rows that every variant has: all arms are trained on the same examples."""
    common = frozenset.intersection(*(frozenset(row.id for row in one.train.rows) for one in rows.values()))
    if not common:
        held = ", ".join(f"{name} ({one.train.rows[0].id}, ...)" for name, one in rows.items())
        raise UsageError(f"the variants have no row id in common: {held}; they must come from one export")
    return common


def _train(arm: Arm, plan: Plan, source: Path, place: tuple[Path, frozenset[str]], tell: Callable[[str], None]) -> None:
    out, common = place
    folder = out / "models" / arm.name
    prepared = _prepared(arm, plan, source, common)
    if not fit.open_folder(folder, prepared, force=False):
        fit.train(prepared, folder, Progress(tell, prepared.method.WATCHED, arm.name))


def _prepared(arm: Arm, plan: Plan, source: Path, common: frozenset[str]) -> Prepared:
    """An arm's run; with equal tokens, every arm sees as many as the one with the fewest does."""
    settings = changed(plan.settings, {"variant": arm.variant, "seed": arm.seed})
    kept = sorted(common)[: max(math.floor(len(common) * arm.share), 1)]
    prepared = prepare(source, settings, frozenset(kept))
    if plan.equal == "tokens":
        fewest = min(
            prepare(source, changed(settings, {"variant": variant}), common).train.total for variant in plan.variants
        )
        epochs = settings.epochs * fewest / prepared.train.total
        prepared = prepare(source, changed(settings, {"epochs": epochs}), frozenset(kept))
    return prepared


def _base(settings: Training, out: Path) -> Path:
    """The base model as a folder, so that it is asked in the same way as those that were trained from it."""
    import torch

    base, folder = models.find(settings), out / "models" / BASE
    if not (folder / "config.json").is_file():
        models.load(base, torch.float32, "sdpa").save_pretrained(folder)
        models.tokenizer(base, settings.template).save_pretrained(folder)
        place = Path(base.place, base.gguf or "")
        copied = extended(place if place.exists() else None, base.name, models.identity(base), [])
        BEGUN.write(folder / STARTED, {"version": VERSION, "trainings": copied})
    return folder


def _result(plan: Plan, out: Path, results: dict[str, list[Result]], examples: int) -> Ablation:
    runs = {arm.name: RECORD.read(out / "models" / arm.name / RUN) for arm in plan.arms}
    stems = {stem for arm in plan.arms for stem in lineage(out / "models" / arm.name).stems or ()}
    groups: dict[str, list[list[Result]]] = {BASE: [results[BASE]]}
    for arm in plan.arms:
        groups.setdefault(arm.group, []).append(results[arm.name])
    found = pooled(groups, BASE, stems)
    return Ablation(
        version=1,
        equal=plan.equal,
        examples=examples,
        seeds=list(plan.seeds),
        note=ONE_SEED if len(plan.seeds) < FEWEST else "intervals include the draw of questions and of seeds",
        rows_without_stem=max(told.rows_without_stem for told in runs.values()),
        models={name: Fitted(told.loss, told.layout.steps, told.data.tokens) for name, told in runs.items()},
        questions=found.questions,
        trained_on=found.trained_on,
        accuracy=found.accuracy,
        differences=found.differences,
    )
