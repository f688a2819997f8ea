"""What trainers of every method do beside TRL's: nothing bad or half takes the place of a good checkpoint."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reasonmed.errors import UsageError
from reasonmed.training import checkpoints
from reasonmed.training.accuracy import measured
from reasonmed.training.dependencies import processes
from reasonmed.training.ends import stop_at
from reasonmed.training.record import Best

if TYPE_CHECKING:
    from reasonmed.training.trainer import Ready

ACCURACY = "eval_accuracy"
_NUMBERS = {"loss": "the loss", "grad_norm": "the gradient's norm", "eval_loss": "the validation loss"}
"""What must be a number at every step, with the words for it."""


class Careful:
    """For trainers: a checkpoint takes another one's place only when it is good and whole."""

    ready: Ready
    args: Any
    state: Any
    model: Any
    optimizer: Any
    lr_scheduler: Any
    accelerator: Any
    unproven = False
    """Whether no step was good yet since the newest checkpoint."""

    def create_model_card(self, *_: object, **__: object) -> None:
        """Write nothing: the model card is written once, from run.json."""

    def save_model(self, *where: object, **how: object) -> None:
        """Save a model that stops where replies end."""
        stop_at(self.accelerator.unwrap_model(self.model), self.ready.end)
        super().save_model(*where, **how)  # type: ignore[misc] # TRL's trainer comes after this class

    def _save_checkpoint(self, *what: object) -> None:
        place = Path(self.args.output_dir, f"checkpoint-{self.state.global_step}")
        self.check_weights()
        self.measure()
        if self.args.should_save and place.exists():
            shutil.rmtree(place)
        try:
            with checkpoints.storing(place):
                super()._save_checkpoint(*what)  # type: ignore[misc] # the same
                self.accelerator.wait_for_everyone()
                if self.args.should_save:
                    checkpoints.seal(place)
        except BaseException:
            if self.args.should_save:
                shutil.rmtree(place, ignore_errors=True)  # what there is of it only takes room
            raise
        self.accelerator.wait_for_everyone()
        self.unproven = True

    def log(self, logs: dict[str, float], *others: object) -> None:
        """End a run that has come to no number; once a step is good, the checkpoint before it replaces older ones."""
        for name, words in _NUMBERS.items():
            if name in logs and not math.isfinite(float(logs[name])):
                what = f"{words} is {logs[name]}"
                raise no_number(self.ready, what, self.state.global_step, Path(self.args.output_dir))
        super().log(logs, *others)  # type: ignore[misc] # the same
        if "loss" in logs:
            self.rotate()

    def measure(self) -> None:
        """Ask the validation questions, if there are any."""
        if self.ready.questions:
            self.log({ACCURACY: measured(self, self.ready.questions)})

    def rotate(self) -> None:
        """Remove what the newest checkpoint replaces; the best one stays."""
        if self.unproven and self.args.should_save:
            folder, best = Path(self.args.output_dir), self.best()
            spare = [folder / f"checkpoint-{best[0]}"] if best else []
            checkpoints.rotate(folder, self.ready.settings.keep_checkpoints, spare)
        self.unproven = False

    def best(self) -> tuple[int, float] | None:
        """Step and value of the best whole checkpoint by what the training file says; the later one of equals."""
        by = self.ready.settings.best
        if by == "none":
            return None
        name, sign = (ACCURACY, 1) if by == "accuracy" else ("eval_loss", -1)
        told = {one["step"]: one[name] for one in self.state.log_history if name in one}
        folder = Path(self.args.output_dir)
        whole = [step for step in told if checkpoints.torn(folder / f"checkpoint-{step}") is None]
        step = max(whole, key=lambda step: (sign * told[step], step), default=None)
        return None if step is None else (step, told[step])

    def take_best(self) -> Best | None:
        """Take the weights of the best checkpoint; says which one it is."""
        best = self.best()
        if best is None:
            return None
        if best[0] != self.state.global_step:
            self._load_from_checkpoint(str(Path(self.args.output_dir, f"checkpoint-{best[0]}")))
        return Best(best[0], self.ready.settings.best, best[1])

    def check_weights(self) -> None:
        """End a run whose weights are no numbers before they are written over good ones."""
        import torch

        trained = [part.detach() for part in self.model.parameters() if part.requires_grad and part.numel()]
        bad = torch.stack([~part.isfinite().all() for part in trained]).any().float().reshape(1)
        if bool(self.accelerator.gather(bad.to(self.accelerator.device)).any()):
            raise no_number(self.ready, "a weight is no number", self.state.global_step, Path(self.args.output_dir))

    def _load_from_checkpoint(self, checkpoint: str, *others: object) -> None:
        with checkpoints.loading(checkpoint):
            super()._load_from_checkpoint(checkpoint, *others)  # type: ignore[misc] # the same

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        with checkpoints.loading(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)  # type: ignore[misc] # the same
        rate, schedule = self.args.learning_rate, self.lr_scheduler
        if all(base == rate for base in schedule.base_lrs):
            return
        schedule.base_lrs = [rate] * len(schedule.base_lrs)
        for group, share in zip(self.optimizer.param_groups, schedule.lr_lambdas, strict=True):
            group["initial_lr"], group["lr"] = rate, rate * share(schedule.last_epoch)
        schedule._last_lr = [group["lr"] for group in self.optimizer.param_groups]  # noqa: SLF001 - what is logged

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            with checkpoints.loading(checkpoint):
                super()._load_rng_state(checkpoint)  # type: ignore[misc] # the same


def no_number(ready: Ready, what: str, step: int, folder: Path) -> UsageError:
    """The error of a run that has come to no number, with the way on.

    The newest checkpoint goes if no step after it was good and there is one before it: its weights may be the cause.
    """
    last = checkpoints.last_checkpoint(folder)
    lower = f"{ready.settings.learning_rate / 2:g}"
    if last is None:
        return UsageError(
            f"{what} at step {step}; no checkpoint had been written: lower learning_rate (to {lower}, say), or set "
            "precision: fp32"
        )
    if checkpoints.step_of(last) >= step - 1 and processes()[0] == 0:
        last = checkpoints.doubted(folder, last)
    return UsageError(
        f"{what} at step {step}; the checkpoint of step {checkpoints.step_of(last)} is kept: run the same command with "
        f"--override learning_rate={lower}, or with --override precision=fp32, and it resumes from there. If that "
        "fails at once, start over with --force and a lower rate"
    )
