"""What a model folder says of itself: ``run.json``, the model card, the picture of the loss."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import yaml
from msgspec import UNSET
from msgspec.structs import replace

from reasonmed import __version__
from reasonmed.files import write_atomically
from reasonmed.report.markdown import plain
from reasonmed.report.plot import alone, lines
from reasonmed.training import dependencies as extra
from reasonmed.training import lineage, models
from reasonmed.training.memory import operations
from reasonmed.training.record import Accuracy, Base, Data, End, Ends, Hardware, HeldOut, Layout, Origin, Record, Tried

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.training.data import Keyed, Pair, Row
    from reasonmed.training.prepare import Prepared
    from reasonmed.training.record import Best, Measured
    from reasonmed.training.shapes import Logged


CARD = "README.md"
PICTURE = "loss.svg"
WATCHED = "watched.svg"
CURVE = "loss.jsonl"


def identity(prepared: Prepared) -> dict[str, object]:
    """What makes a run this run: the same folder with another one of these is refused."""
    settings = prepared.settings.model_dump(mode="json", exclude={"report_to", "source", "keep_checkpoints"})
    return {
        "data": prepared.data.sha,
        "base_model": models.identity(prepared.base),
        "template": prepared.template_hash,
        "processes": extra.processes()[1],
        **{f"settings.{name}": value for name, value in settings.items() if name not in ("base_model", "template")},
    }


def run_record(
    prepared: Prepared,
    history: Sequence[Logged],
    measured: Measured,
    *,
    best: Best | None,
    saved: Tried | HeldOut,
    overrides: list[dict[str, object]],
) -> Record:
    """The content of ``run.json``."""
    found = origin(prepared)
    return Record(
        reasonmed=__version__,
        method=prepared.settings.method,
        base_model=found.base_model,
        stems=found.stems,
        rows_without_stem=found.rows_without_stem,
        trainings=found.trainings,
        settings={
            **prepared.settings.model_dump(mode="json"),
            "base_model": _public(prepared.base.name),
            "template": _public(prepared.settings.template) if prepared.settings.template else None,
        },
        data=_data(prepared),
        template=prepared.template_hash,
        end=End(prepared.end.text, prepared.end.token, prepared.end.base),
        layout=_layout(prepared),
        measured=_paced(prepared, measured),
        loss=_losses(history),
        accuracy=_accuracy(history, len(prepared.questions)),
        watched=_watched(history, prepared.method.WATCHED),
        seeds={"training": prepared.settings.seed},
        hardware=Hardware(*prepared.machine, processes=extra.processes()[1]),
        versions={name: version(name) for name in extra.PACKAGES},
        question_ids=sorted({row.question_id for row in _rows(prepared)}),
        best=best,
        ending=saved if isinstance(saved, Tried) else UNSET,
        held_out=saved if isinstance(saved, HeldOut) else UNSET,
        overrides=overrides,
    )


def origin(prepared: Prepared) -> Origin:
    """Where a model is from: its base, and hashed stems of all questions along the chain of trainings."""
    chain = trainings(prepared)
    known = [one.stems for one in chain if one.whole and one.stems is not None]
    return Origin(
        Base(_public(prepared.base.name), models.identity(prepared.base), prepared.model.parameters),
        stems=sorted(frozenset().union(*known)) if len(known) == len(chain) else None,
        rows_without_stem=sum(not row.stem for row in _rows(prepared)),
        trainings=[one.told for one in chain],
    )


def trainings(prepared: Prepared) -> list[lineage.Training]:
    """The stems of this training and of those of the models it builds on, for the clean subset of an evaluation."""
    base = prepared.base
    place = Path(base.place, base.gguf) if base.gguf else Path(base.place)
    return lineage.chain(
        place if place.exists() else None,
        _public(base.name),
        models.identity(base),
        (row.stem for row in _rows(prepared)),
    )


def _rows(prepared: Prepared) -> list[Row | Pair | Keyed]:
    """The rows that are trained on."""
    return [prepared.data.train.rows[one.row] for one in prepared.train.kept]


def _public(name: str) -> str:
    """The name of a base model without where it lies on this machine."""
    return Path(name).resolve().name if Path(name).expanduser().exists() else name


def _data(prepared: Prepared) -> Data:
    train = prepared.train
    return Data(
        file=prepared.data.train.path.name,
        hash=prepared.data.sha,
        kind=prepared.method.ROWS,
        variant=prepared.settings.variant if prepared.settings.method == "sft" else None,
        rows=len(train.lengths),
        trained_on=len(train.kept),
        too_long=train.too_long,
        without_loss=train.masked,
        control_tokens={row: list(names) for row, names in train.controls.items()},
        validation_rows=len(prepared.validation.kept) if prepared.validation else 0,
        tokens=train.total,
        tokens_learned=train.learned,
        longest=max(len(one) for one in train.kept),
    )


def _layout(prepared: Prepared) -> Layout:
    choice, plan = prepared.choice, prepared.plan
    return Layout(
        attention=choice.attention,
        packed=choice.packed,
        compiled=choice.compiled,
        checkpointing=choice.checkpointed,
        precision=choice.precision,
        micro_batch_tokens=plan.width or choice.tokens,
        micro_batches_a_step=plan.accumulation,
        steps=plan.steps,
        fill=plan.fill and round(plan.fill, 4),
        estimated_memory=choice.estimate,
    )


def _paced(prepared: Prepared, measured: Measured) -> Measured:
    """With tokens and operations a second; without where a part of the run was done by an earlier session.

    Operations are told of fine-tuning alone: other methods have passes without gradients besides.
    """
    lengths = [len(one) for one in prepared.train.kept]
    tokens = prepared.plan.tokens
    mean = sum(length * length for length in lengths) / sum(lengths)
    if not measured.seconds or not measured.whole or tokens is None:
        return measured
    paced = replace(measured, tokens_per_second=tokens / measured.seconds)
    if not prepared.plan.micros:
        return paced
    rate = operations(prepared.model.config, prepared.model.parameters, tokens, mean) / measured.seconds
    peak = prepared.machine.peak
    return replace(paced, model_flops_utilization=rate / peak / extra.processes()[1] if peak else None)


def _losses(history: Sequence[Logged]) -> Ends:
    train = [float(one["loss"]) for one in history if "loss" in one]
    held_out = [float(one["eval_loss"]) for one in history if "eval_loss" in one]
    return Ends(
        first=train[0] if train else None,
        last=train[-1] if train else None,
        validation=held_out[-1] if held_out else None,
    )


def _accuracy(history: Sequence[Logged], questions: int) -> Accuracy | None:
    """Right answers to the validation questions at every checkpoint; None where none were asked."""
    steps = {str(one["step"]): one["eval_accuracy"] for one in history if "eval_accuracy" in one}
    return Accuracy(questions, steps, [*steps.values()][-1]) if steps else None


def _watched(history: Sequence[Logged], watched: Mapping[str, str]) -> dict[str, Ends]:
    """Means over the first and the last tenth of the steps, and the last value on the validation rows."""
    told = {}
    for name in watched:
        train = [float(one[name]) for one in history if name in one and "loss" in one and not _tied(one, name)]
        held_out = [float(one[f"eval_{name}"]) for one in history if f"eval_{name}" in one]
        tenth = max(len(train) // 10, 1)
        told[name] = Ends(
            first=fmean(train[:tenth]) if train else None,
            last=fmean(train[-tenth:]) if train else None,
            validation=held_out[-1] if held_out else None,
        )
    return told


def _tied(step: Mapping[str, object], name: str) -> bool:
    """Whether no reply is preferred, since the model is still its own reference: that is no accuracy of 0."""
    return name == "rewards/accuracies" and step.get("rewards/margins") == 0


def write(folder: Path, told: Record, history: Sequence[Logged], watched: Mapping[str, str]) -> None:
    """The loss of every step and what else is watched, their pictures, and the card."""
    others = [name for one in watched for name in (one, f"eval_{one}")]
    kept = ("step", "loss", "eval_loss", "eval_accuracy", "learning_rate", "grad_norm", *others)
    steps = [
        {name: one[name] for name in kept if name in one}
        for one in history
        if {"loss", "eval_loss", "eval_accuracy"} & one.keys()
    ]
    write_atomically(folder / CURVE, "".join(json.dumps(one) + "\n" for one in steps))
    write_atomically(folder / PICTURE, _drawn("Loss", "loss", "nats", steps))
    for name, words in list(watched.items())[:1]:
        write_atomically(folder / WATCHED, _drawn(words.capitalize(), name, "", steps))
    write_atomically(folder / CARD, _card(told, watched))


def _drawn(title: str, name: str, unit: str, steps: Sequence[Logged]) -> str:
    series = {
        words: [(one["step"], float(one[key])) for one in steps if key in one]
        for words, key in (("training", name), ("validation", f"eval_{name}"))
    }
    return alone(lines(title, {words: points for words, points in series.items() if points}, "step", unit))


def _card(told: Record, watched: Mapping[str, str]) -> str:
    base, data, layout, settings = told.base_model, told.data, told.layout, told.settings
    hub = "/" in base.name and not base.name.startswith((".", "/", "~"))
    head = ["---", "library_name: transformers", "tags: [medical, reasoning, reasonmed]"]
    head += [yaml.safe_dump({"base_model": base.name}, allow_unicode=True, width=1000).rstrip()] if hub else []
    variant = f" of {data.variant}" if data.variant else ""
    lora = settings["lora"]
    tuned = f"LoRA, r {lora['r']}" if isinstance(lora, dict) else "all weights"
    rows = [
        ("base model", f"{plain(base.name)} ({_millions(base.parameters)} M parameters)"),
        ("data", f"{data.trained_on:,} {data.kind}{variant}, hash {data.hash}"),
        ("left out", _left_out(data)),
        *((("replies end with", _ending(told.end, told.ending)),) if isinstance(told.ending, Tried) else ()),
        ("tuning", f"{told.method}, {tuned}, {layout.steps:,} steps of {settings['batch']} {data.kind}"),
        ("learning rate", f"{settings['learning_rate']}, {settings['schedule']}, warm-up {settings['warmup']}"),
        ("seed", settings["seed"]),
        ("loss, training", f"{_number(told.loss.first)} to {_number(told.loss.last)}"),
        ("loss, validation", _number(told.loss.validation)),
        *((("accuracy, validation", _measured(told.accuracy, told.best)),) if told.accuracy else ()),
        *((words, _ends(told.watched[name])) for name, words in watched.items()),
        *((("steps, held out", plain(told.held_out.sentence)),) if isinstance(told.held_out, HeldOut) else ()),
        ("layout", f"{layout.attention}, {'packed' if layout.packed else 'padded'}, {layout.precision}"),
        ("machine", f"{told.hardware.processes} x {told.hardware.name}, {told.measured.seconds:,.0f} s"),
        ("versions", ", ".join(f"{name} {number}" for name, number in told.versions.items())),
    ]
    table = "".join(f"| {name} | {value} |\n" for name, value in rows)
    return (
        "\n".join([*head, "---", ""])
        + f"\n# A model trained with reasonmed\n\n| | |\n|---|---|\n{table}\n![Loss]({PICTURE})\n"
        + (f"![{next(iter(watched.values())).capitalize()}]({WATCHED})\n" if watched else "")
        + "\n"
        "For research, not for clinical use. Not a medical device: its answers are no medical advice, and nothing here "
        "shows that it is safe for patients. `run.json` has every setting, the hashes, and hashed stems of the "
        "training questions, so that `reasonmed evaluate` can tell the questions that it has seen.\n"
    )


def _measured(found: Accuracy, best: Best | None) -> str:
    taken = f"; the model is the checkpoint of step {best.step}, the best one by {best.by}" if best else ""
    return f"{found.last:.1%} of {found.questions:,} questions at the last step{taken}"


def _left_out(data: Data) -> str:
    counts = f"{len(data.too_long)} too long, {len(data.without_loss)} without a loss"
    return f"{counts}, {len(data.control_tokens)} with control tokens in their texts"


def _ending(end: End, ending: Tried) -> str:
    """The end token, and what came of asking the model one training prompt."""
    token = f"`{plain(end.token)}`"
    if ending.stopped is None:
        return f"{token}; not tried"
    if ending.stopped:
        return f"{token}; asked a training prompt, the model ended its reply by itself"
    return f"{token}; **asked a training prompt, the model did not end its reply** within {ending.limit:,} tokens"


def _ends(told: Ends) -> str:
    held_out = f", validation {_number(told.validation)}" if told.validation is not None else ""
    return f"{_number(told.first)} to {_number(told.last)}{held_out}"


def _millions(count: int) -> str:
    """Millions with three digits, so that a small model has some too."""
    return f"{count / 1e6:,.0f}" if count >= 1e8 else f"{count / 1e6:.3g}"  # noqa: PLR2004 - three digits


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
