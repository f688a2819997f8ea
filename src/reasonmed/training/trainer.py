"""What trainers of every method have in common: arguments, adapters, checkpoints, and what is told meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from reasonmed.errors import UsageError
from reasonmed.training.dependencies import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from reasonmed.training.batches import Layout, Plan
    from reasonmed.training.data import Keyed
    from reasonmed.training.ends import End
    from reasonmed.training.memory import Choice
    from reasonmed.training.record import Best
    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Accelerator, Logged, Network, State, Tell, Tokenizer, Trained


class Ready(NamedTuple):
    """Everything that a trainer is made of."""

    settings: Training
    choice: Choice
    plan: Plan
    layout: Layout
    train: Sequence[Any]
    """Tokenized rows, of the method's kind."""
    validation: Sequence[Any]
    tokenizer: Tokenizer
    end: End
    """The token that ends replies."""
    questions: Sequence[Keyed] = ()
    """Asked at every checkpoint."""


class Fitting(Protocol):
    """A trainer of TRL's, with what `careful` adds."""

    ready: Ready
    model: Network
    state: State
    accelerator: Accelerator

    def remove_callback(self, callback: object) -> object:
        """Call it no longer."""
        ...

    def add_callback(self, callback: object) -> object:
        """Call it meanwhile."""
        ...

    def train(self, *, resume_from_checkpoint: str | None = None) -> Trained:
        """Train to the end."""
        ...

    def evaluate(self) -> Mapping[str, float]:
        """Measure the validation loss."""
        ...

    def save_model(self, folder: str) -> object:
        """Write the model."""
        ...

    def check_weights(self) -> None:
        """End a run whose weights are no numbers."""
        ...

    def rotate(self) -> None:
        """Remove what the newest checkpoint replaces."""
        ...

    def take_best(self) -> Best | None:
        """Take the weights of the best checkpoint; says which one it is."""
        ...


def arguments(kind: type, ready: Ready, folder: Path, own: Mapping[str, object]) -> object:
    """A configuration of TRL's; checkpoints go to ``folder``.

    Args:
        kind: the class.
        ready: what is trained.
        folder: for checkpoints.
        own: what this method sets besides.

    Raises:
        UsageError: TRL refuses the training file's ``trl_args``.
    """
    settings, plan, choice = ready.settings, ready.plan, ready.choice
    every = settings.save_steps or max(plan.steps // 10, 1)
    measured = settings.evaluate and bool(ready.validation)
    told: dict[str, object] = {
        "output_dir": str(folder),
        "max_steps": plan.steps,
        "gradient_accumulation_steps": plan.accumulation // processes()[1],
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.schedule,
        "warmup_steps": round(settings.warmup * plan.steps),
        "weight_decay": settings.weight_decay,
        "adam_beta1": settings.betas[0],
        "adam_beta2": settings.betas[1],
        "max_grad_norm": settings.clip,
        "optim": "adamw_torch_fused",
        "seed": settings.seed,
        "data_seed": settings.seed,
        "bf16": choice.precision == "bf16",
        "gradient_checkpointing": choice.checkpointed,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": every,
        "eval_strategy": "steps" if measured else "no",
        "eval_steps": every if measured else None,
        "report_to": settings.report_to,
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
        **own,
    }
    try:
        return kind(**{**told, **settings.trl_args})
    except (TypeError, ValueError) as refused:
        raise UsageError(f"trl_args: TRL's {kind.__name__} refuses them: {refused}") from refused


def build(kind: Callable[..., Fitting], model: Network, ready: Ready, tell: Tell, **own: object) -> Fitting:
    """A trainer of TRL's with what every method gives it, and without what would print.

    Args:
        kind: the class.
        model: what is trained.
        ready: how.
        tell: called with what is logged at each step.
        own: what this method gives it besides.
    """
    from transformers import PrinterCallback

    trainer = kind(
        model=model,
        processing_class=ready.tokenizer,
        peft_config=_adapters(ready.settings),
        callbacks=[_watcher(ready, tell)],
        **own,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.ready = ready
    return trainer


def lower(model: Network, ready: Ready) -> None:
    """Embeddings in bf16, as a model loaded in bf16 has them: else autocast leaves all that is added up in fp32.

    Queries and keys would come out in fp32 beside values in bf16, and attention kernels in fp32 are many times slower.
    """
    if ready.choice.precision == "bf16":
        model.get_input_embeddings().register_forward_hook(_to_bf16)


def _to_bf16(_: object, __: object, embedded: Any) -> Any:  # noqa: ANN401
    import torch

    return embedded.to(torch.bfloat16) if torch.is_autocast_enabled(embedded.device.type) else embedded


def _adapters(settings: Training) -> object:
    """Peft's configuration of the training file's ``lora``, or None for all weights."""
    if settings.lora is None:
        return None
    from peft import LoraConfig

    lora = settings.lora
    targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    return LoraConfig(
        r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, task_type="CAUSAL_LM"
    )


def _watcher(ready: Ready, tell: Tell) -> object:
    """Tells of every step."""
    from transformers import TrainerCallback

    tokens = ready.plan.tokens and ready.plan.tokens / ready.plan.steps

    class Watcher(TrainerCallback):  # type: ignore[misc] # transformers has no types
        """What happens while a run goes on."""

        def __init__(self) -> None:
            self.started, self.first = time.monotonic(), 0

        def on_train_begin(self, _: object, state: State, *__: object, **___: object) -> None:
            self.started, self.first = time.monotonic(), state.global_step

        def on_log(self, _: object, state: State, __: object, logs: Logged, **___: object) -> None:
            done, spent = state.global_step - self.first, time.monotonic() - self.started
            if state.is_world_process_zero and done:
                pace: dict[str, float] = {"step": state.global_step, "steps": state.max_steps}
                pace |= {"tokens_per_second": done * tokens / spent} if tokens else {}
                tell({**logs, **pace, "seconds_left": (state.max_steps - state.global_step) * spent / done})

    return Watcher()
