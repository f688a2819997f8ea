"""A training run: prepared, trained, resumed, saved. The model folder says how it came about."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from reasonmed.documents import Count, Document, Number
from reasonmed.errors import UsageError
from reasonmed.files import is_draft, make_folder, move, sync, write_atomically
from reasonmed.training import card, models
from reasonmed.training import dependencies as extra
from reasonmed.training.trainer import last_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reasonmed.training.prepare import Prepared

RUN = "run.json"
STARTED = "training.json"
CHECKPOINTS = "checkpoints"
ADAPTER = "adapter"


class _Begun(Struct):
    """The fields of an identity, whatever they are."""


class _Layout(Struct):
    steps: Count


class _Data(Struct):
    tokens: Count


class _Record(Struct):
    """What an ablation reads of a model."""

    rows_without_stem: Count
    loss: dict[str, Number | None]
    layout: _Layout
    data: _Data
    stems: list[str] | None = None


_ANEW = "choose another -o, or begin anew with --force"
_BEGUN = Document("note of how a training began", _Begun, UsageError, _ANEW)
RECORD = Document("record of a training", _Record, UsageError, _ANEW)


def open_folder(folder: Path, prepared: Prepared, *, force: bool) -> bool:
    """Make the model folder, or go on with it; returns whether the model in it is already finished.

    Raises:
        UsageError: the folder holds something else, or a run of other data or settings.
    """
    if extra.processes()[0] != 0:  # the first process makes the folder, and ends all where it must not
        return not force and (folder / RUN).is_file()
    identity = card.identity(prepared)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; -o names a folder")
    known = _read(folder / STARTED)
    if not force and folder.is_dir() and not all(is_draft(entry.name) for entry in folder.iterdir()):
        if known is None:
            raise UsageError(f"{folder} holds other content; choose another -o, or replace it with --force")
        differing = sorted(name for name in identity if known.get(name) != identity[name])
        if differing:
            raise UsageError(
                f"{folder} was begun with other {', '.join(differing)}; choose another -o, or begin anew with --force"
            )
        return (folder / RUN).is_file()
    if force and known is not None:
        _clear(folder)
    make_folder(folder)
    begun = {**identity, "trainings": card.trainings(prepared)}
    write_atomically(folder / STARTED, json.dumps(begun, indent=1) + "\n")
    return False


def _clear(folder: Path) -> None:
    """Remove an older run: first what says that it is finished, last what says that it was one."""
    (folder / RUN).unlink(missing_ok=True)
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != STARTED:
            entry.unlink()
    (folder / STARTED).unlink()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return _BEGUN.plain(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def train(prepared: Prepared, folder: Path, tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Train to the end, from the last checkpoint where there is one; returns run.json's content.

    Args:
        prepared: the run.
        folder: the model folder, opened with `open_folder`.
        tell: called with step, loss, pace and what is left.

    Raises:
        UsageError: the layout would let packed rows see each other on this model, or the loss is no number.
    """
    import torch  # noqa: PLC0415 - an extra
    from transformers import set_seed  # noqa: PLC0415 - an extra

    settings, choice = prepared.settings, prepared.choice
    set_seed(settings.seed)
    full = settings.lora is None or choice.precision == "fp32"
    model = models.load(prepared.base, torch.float32 if full else torch.bfloat16, choice.attention)
    fitting = prepared.method.make(model, prepared.ready, folder / CHECKPOINTS, tell)
    last = last_checkpoint(folder / CHECKPOINTS)
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    done = fitting.train(resume_from_checkpoint=str(last) if last else None)
    history = fitting.state.log_history
    if settings.evaluate and prepared.ready.validation and not any("eval_loss" in one for one in history[-2:]):
        fitting.evaluate()
    _save(fitting, prepared, folder)
    told: dict[str, Any] = {}
    if extra.processes()[0] == 0:
        peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
        told = card.run_record(
            prepared, history, {"seconds": done.metrics["train_runtime"], "peak_memory": peak, "whole": last is None}
        )
        card.write(folder, told, history, prepared.method.WATCHED)
        write_atomically(folder / RUN, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return told


def _save(fitting: Any, prepared: Prepared, folder: Path) -> None:  # noqa: ANN401
    """The final weights: all of them, or merged ones beside the adapter, or the adapter alone."""
    lora, draft = prepared.settings.lora, folder / ".final"
    fitting.save_model(str(draft))
    if extra.processes()[0] != 0:
        return
    if lora is not None and lora.merge:
        merged = fitting.accelerator.unwrap_model(fitting.model).merge_and_unload()
        make_folder(folder / ADAPTER)
        _move(draft, folder / ADAPTER)
        merged.save_pretrained(draft)
        prepared.tokenizer.save_pretrained(draft)
    _move(draft, folder)
    shutil.rmtree(draft)


def _move(source: Path, target: Path) -> None:
    for path in source.iterdir():
        if path.name not in ("training_args.bin", "README.md"):
            sync(path)
            move(path, target / path.name)
