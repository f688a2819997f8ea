"""A training run: prepared, trained, resumed, saved. The model folder says how it came about."""

from __future__ import annotations

import gc
import shutil
from typing import TYPE_CHECKING

from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.files import make_folder, move
from reasonmed.training import card, ends, models
from reasonmed.training import dependencies as extra
from reasonmed.training.checkpoints import newest, storing, sync_all
from reasonmed.training.folder import (
    ADAPTER,
    CHECKPOINTS,
    open_folder,
    overridden,
    release,
    withdraw,
)
from reasonmed.training.heap import keep_blocks
from reasonmed.training.held_out import held_out
from reasonmed.training.record import RECORD, RUN, STARTED, HeldOut, Measured, Record, Tried
from reasonmed.training.trackers import tracking
from reasonmed.training.trial import tried

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.training.prepare import Prepared
    from reasonmed.training.shapes import Tell
    from reasonmed.training.trainer import Fitting

__all__ = ["ADAPTER", "CHECKPOINTS", "RECORD", "RUN", "STARTED", "open_folder", "train"]


def train(prepared: Prepared, folder: Path, tell: Tell) -> Record | None:
    """Train to the end, from the last checkpoint where there is one; returns run.json's content in the first process.

    Args:
        prepared: the run.
        folder: the model folder, opened with `open_folder`.
        tell: called with step, loss, pace and what is left.

    Raises:
        UsageError: the layout would let packed rows see each other on this model, or the loss is no number.
    """
    import torch

    try:
        with storing(folder), tracking(prepared.settings.report_to, folder):
            return _train(prepared, folder, tell)
    except torch.OutOfMemoryError as full:
        raise UsageError(
            "the device is out of memory: lower micro_batch_tokens, set checkpointing: true, or take lora; "
            f"checkpoints are kept ({' '.join(str(full).split())[:160]})"
        ) from full
    finally:
        release(folder)


def _train(prepared: Prepared, folder: Path, tell: Tell) -> Record | None:
    import torch

    if not torch.cuda.is_available():
        keep_blocks()
    fitting = _started(prepared, folder, tell)
    last, remarks = newest(folder / CHECKPOINTS)
    for remark in remarks:
        tell({"remark": f"{remark}; {f'resuming from {last.name}' if last else 'beginning at the first step'}"})
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    done = fitting.train(resume_from_checkpoint=str(last) if last else None)
    history = fitting.state.log_history
    measured = prepared.settings.evaluate and prepared.ready.validation
    if measured and not any("eval_loss" in one for one in history[-2:]):
        fitting.evaluate()
    fitting.check_weights()
    fitting.rotate()
    best = fitting.take_best()
    _save(fitting, prepared, folder)
    if extra.processes()[0] != 0:
        return None
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    facts = Measured(seconds=done.metrics["train_runtime"], peak_memory=peak, whole=last is None)
    del fitting
    gc.collect()
    torch.cuda.empty_cache()
    told = card.run_record(
        prepared, history, facts, best=best, saved=_tried(prepared, folder), overrides=overridden(folder)
    )
    card.write(folder, told, history, prepared.method.WATCHED)
    if (folder / ADAPTER).is_dir():
        RECORD.write(folder / ADAPTER / RUN, told)
    RECORD.write(folder / RUN, told)
    return told


def _started(prepared: Prepared, folder: Path, tell: Tell) -> Fitting:
    """The trainer with its model; a start that is refused leaves no folder behind."""
    import torch
    from transformers import set_seed

    settings, choice = prepared.settings, prepared.choice
    set_seed(settings.seed)
    full = settings.lora is None or choice.precision == "fp32"
    try:
        model = models.load(
            prepared.base, torch.float32 if full else torch.bfloat16, choice.attention, prepared.method.HEAD
        )
        ends.stop_at(model, prepared.end)
        return prepared.method.make(model, prepared.ready, folder / CHECKPOINTS, tell)
    except BaseException as refused:
        withdraw(folder)
        if isinstance(refused, (ImportError, ValueError, TypeError, RuntimeError)):
            raise UsageError(
                f"the trainer does not start with these settings: {' '.join(str(refused).split())[:400]}. Change the "
                "training file, trl_args among it"
            ) from refused
        raise


def _tried(prepared: Prepared, folder: Path) -> Tried | HeldOut:
    """Whether the saved model ends a reply by itself, or how it labels steps; where it cannot be asked, why."""
    labels = prepared.method.HEAD.labels
    try:
        if not extra.sharded():
            return held_out(folder, prepared) if labels else tried(folder, prepared)
        reason = "the weights are dealt out among processes (FSDP)"
    except (RuntimeError, OSError, ValueError, ReasonMedError) as failed:  # all is saved: what cannot be loaded is said
        reason = f"{type(failed).__name__}: {' '.join(str(failed).split())[:200]}"
    return HeldOut(reason=reason) if labels else Tried(stopped=None, reason=reason)


def _save(fitting: Fitting, prepared: Prepared, folder: Path) -> None:
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
    elif lora is not None:
        fitting.accelerator.unwrap_model(fitting.model).generation_config.save_pretrained(draft)
    sync_all(draft)
    _move(draft, folder)
    shutil.rmtree(draft)


def _move(source: Path, target: Path) -> None:
    for path in source.iterdir():
        if path.name not in ("training_args.bin", "README.md"):
            move(path, target / path.name)
