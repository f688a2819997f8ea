"""The arms of an ablation as trainings: what they are trained on, the estimate, the model folders."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import UNSET

from reasonmed.errors import UsageError
from reasonmed.evaluation import of_folder
from reasonmed.evaluation.ablation.estimate import Size, epochs_of
from reasonmed.training import models
from reasonmed.training import run as fit
from reasonmed.training.answers_only import ANSWERS, MOST_UNREAD
from reasonmed.training.lineage import extended, hashes_in
from reasonmed.training.memory import seconds
from reasonmed.training.methods import sft
from reasonmed.training.prepare import prepare
from reasonmed.training.progress import Progress
from reasonmed.training.record import BEGUN, RECORD, RUN, STARTED, VERSION
from reasonmed.training.settings import changed

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasonmed.evaluation import Candidate
    from reasonmed.evaluation.ablation.estimate import Key
    from reasonmed.evaluation.ablation.grid import Arm, Plan
    from reasonmed.training.data import Data, Row
    from reasonmed.training.prepare import Prepared

ENGINE = "transformers"
"""One back end for all models of an ablation, also where a part of them is asked by a later call."""
MODELS = "models"


class Ready(NamedTuple):
    """A plan with its data, checked."""

    plan: Plan
    source: Path
    common: dict[str, str]
    """Ids of the rows that all variants have, with their questions' ids."""
    sizes: dict[Key, Size]


def ready(source: Path, plan: Plan) -> Ready:
    """Read and tokenize the rows of every variant for every base.

    Raises:
        UsageError: what is wrong with data, models, template or lengths.
    """
    rows = {variant: sft.read(source, changed(plan.settings, {"variant": variant})) for variant in plan.trained}
    common = _common(rows, plan)
    firsts = {(arm.cell.base, arm.cell.variant): arm for arm in reversed(plan.arms)}
    sizes = {key: _size(prepare(source, plan.settings_of(arm), frozenset(common))) for key, arm in firsts.items()}
    return Ready(plan, source, common, sizes)


def _common(rows: dict[str, Data[Row]], plan: Plan) -> dict[str, str]:
    """Rows that every variant has: all arms are trained on the same examples."""
    questions = {row.id: row.question_id for row in rows[plan.variants[0]].train.rows}
    held = {variant: {row.id for row in rows[variant].train.rows} for variant in plan.trained}
    common = questions.keys() & set.intersection(*(held[variant] for variant in plan.variants))
    if not common:
        first = ", ".join(f"{name} ({rows[name].train.rows[0].id}, ...)" for name in plan.variants)
        raise UsageError(f"the variants have no row id in common: {first}; they must come from one export")
    lacking = sorted(common - held[ANSWERS])
    if len(lacking) > MOST_UNREAD * len(common):
        raise UsageError(
            f"{rows[ANSWERS].train.path}, of which the arm without chains is made, lacks {len(lacking):,} of the "
            f"{len(common):,} rows of the others (first: {lacking[0]!r}); they must come from one export"
        )
    return {row: questions[row] for row in sorted(common)}


def _size(prepared: Prepared) -> Size:
    rows, kept, settings = prepared.data.train.rows, prepared.train.kept, prepared.settings
    tokens = {rows[one.row].id: len(one) for one in kept}
    if prepared.machine.kind != "cuda":
        return Size(tokens)
    whole = seconds(settings, prepared.model.config, prepared.model.parameters, [*tokens.values()], prepared.machine)
    return Size(tokens, whole / (prepared.train.total * settings.epochs))


def paces(plan: Plan, out: Path) -> dict[str, float]:
    """Tokens a second of the finished arms; 0 where it was not measured."""
    found = {}
    for arm in plan.arms:
        with suppress(FileNotFoundError):
            pace = RECORD.read(out / MODELS / arm.name / RUN).measured.tokens_per_second
            found[arm.name] = 0.0 if pace is UNSET else float(pace)
    return found


def train(made: Ready, out: Path, tell: Callable[[str], None]) -> None:
    """Train every arm that is not finished.

    Those that were begun come first: one of other data or settings is refused before another one is trained.
    """
    for arm in sorted(made.plan.arms, key=lambda arm: not (out / MODELS / arm.name / STARTED).is_file()):
        folder = out / MODELS / arm.name
        prepared = _prepared(arm, made)
        finished = fit.open_folder(folder, prepared, force=False)
        tell(f"{arm.name}: {'finished' if finished else 'training'}")
        if not finished:
            fit.train(prepared, folder, Progress(tell, prepared.method.WATCHED, arm.name))


def _prepared(arm: Arm, made: Ready) -> Prepared:
    epochs = epochs_of(arm.cell, made.plan, made.sizes, made.common)
    settings = changed(made.plan.settings_of(arm), {"epochs": epochs})
    return prepare(made.source, settings, arm.cell.rows(made.common))


def untrained(plan: Plan, out: Path) -> list[Candidate]:
    """The base models as folders, so that they are asked in the same way as those that were trained from them."""
    firsts = {arm.cell.untrained: arm for arm in reversed(plan.arms)}
    order = {base: place for place, base in enumerate(plan.bases)}
    arms = sorted(firsts.values(), key=lambda arm: order.get(arm.cell.base, -1))
    found = []
    for arm in arms:
        base, folder = models.find(plan.settings_of(arm)), out / MODELS / arm.cell.untrained
        _copy(base, folder, plan.settings.template)
        one = of_folder(folder, arm.cell.untrained, ENGINE)
        own = hashes_in(models.identity(base))
        # by these the evaluation finds each model's own base, where there are several
        found.append(replace(one, weights=own) if len(arms) > 1 and own else one)
    return found


def _copy(base: models.Base, folder: Path, template: str | None) -> None:
    import torch

    if not (folder / "config.json").is_file():
        models.load(base, torch.float32, "sdpa").save_pretrained(folder)
        models.tokenizer(base, template).save_pretrained(folder)
        place = Path(base.place, base.gguf or "")
        copied = extended(place if place.exists() else None, base.name, models.identity(base), [])
        BEGUN.write(folder / STARTED, {"version": VERSION, "trainings": copied})


def trained(plan: Plan, out: Path) -> list[Candidate]:
    """The arms as models to evaluate."""
    return [of_folder(out / MODELS / arm.name, arm.name, ENGINE) for arm in plan.arms]
