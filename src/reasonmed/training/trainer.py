"""TRL's SFTTrainer, fed with our micro-batches; and the few places where it is told to do otherwise."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.training.apart import check_apart
from reasonmed.training.batches import Collator, groups
from reasonmed.training.extra import processes
from reasonmed.training.layout import FLASH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reasonmed.training.batches import Layout, Plan
    from reasonmed.training.layout import Choice
    from reasonmed.training.settings import Training
    from reasonmed.training.tokens import Tokenized

COMPLETE = "complete"
"""A file in a checkpoint, written last: a checkpoint without it is torn."""


class Ready(NamedTuple):
    """Everything that a trainer is made of."""

    settings: Training
    choice: Choice
    plan: Plan
    layout: Layout
    train: Sequence[Tokenized]
    validation: Sequence[Tokenized]
    tokenizer: Any


def make(model: Any, ready: Ready, folder: Path, tell: Callable[[dict[str, Any]], None]) -> Any:  # noqa: ANN401
    """A trainer of these rows; checkpoints go to ``folder``."""
    import torch  # noqa: PLC0415 - an extra
    from datasets import Dataset  # noqa: PLC0415 - an extra
    from transformers import PrinterCallback  # noqa: PLC0415 - an extra
    from trl import SFTTrainer  # noqa: PLC0415 - an extra

    if ready.choice.precision == "bf16":
        model.get_input_embeddings().register_forward_hook(_to_bf16)
    flash = ready.choice.attention in FLASH
    pad = ready.tokenizer.pad_token_id
    held_out = groups([len(one) for one in ready.validation], ready.layout)

    class Trainer(SFTTrainer):  # type: ignore[misc] # TRL has no types
        """Keeps our order, and measures the validation loss over tokens, not over micro-batches."""

        def create_model_card(self, *_: object, **__: object) -> None:
            """The model card is written once, from run.json."""

        def get_eval_dataloader(self, _: object = None) -> Any:  # noqa: ANN401
            micros = Dataset.from_dict({"rows": held_out})
            collator = Collator(ready.validation, pad, _width(held_out, ready), boundaries=flash)
            loader = torch.utils.data.DataLoader(micros, batch_size=1, collate_fn=collator)
            return self.accelerator.prepare(loader)

        def evaluate(self, *_: object, **__: object) -> dict[str, float]:
            """Mean loss of a token of the validation rows."""
            self.model.eval()
            totals = torch.zeros(2, dtype=torch.float64, device=self.args.device)
            with torch.no_grad(), self.compute_loss_context_manager():
                for inputs in self.get_eval_dataloader():
                    found = self.model_wrapped(**self._prepare_inputs(inputs), use_cache=False, fused_lm_head=True)
                    totals += torch.stack([-found.log_probs.sum().double(), found.label_mask.sum().double()])
            self.model.train()
            total = self.accelerator.gather(totals[None]).sum(0)
            measured = {"eval_loss": float(total[0] / total[1].clamp(min=1))}
            self.log(measured)
            self.callback_handler.on_evaluate(self.args, self.state, self.control, measured)
            return measured

    trainer = Trainer(
        model=model,
        args=_arguments(ready, folder),
        train_dataset=Dataset.from_dict({"rows": ready.plan.micros}),
        eval_dataset=Dataset.from_dict({"rows": held_out}) if held_out else None,
        data_collator=Collator(ready.train, pad, ready.plan.width, boundaries=flash),
        processing_class=ready.tokenizer,
        peft_config=_adapters(ready.settings),
        callbacks=[_watcher(ready, tell)],
    )
    trainer.remove_callback(PrinterCallback)
    if ready.choice.packed:
        check_apart(trainer, ready.plan.width)
    if ready.choice.compiled:
        compile_layers(trainer.model)
    return trainer


def _to_bf16(_: object, __: object, embedded: Any) -> Any:  # noqa: ANN401
    """Embeddings in bf16, as a model loaded in bf16 has them: else autocast leaves all that is added up in fp32.

    Queries and keys would come out in fp32 beside values in bf16, and attention kernels in fp32 are many times slower.
    """
    import torch  # noqa: PLC0415 - an extra

    return embedded.to(torch.bfloat16) if torch.is_autocast_enabled(embedded.device.type) else embedded


def _width(micros: Sequence[Sequence[int]], ready: Ready) -> int:
    if not ready.plan.width:
        return 0
    loads = (sum(len(ready.validation[row]) for row in micro) for micro in micros)
    return max(ready.plan.width, *loads, 0)


def compile_layers(model: Any) -> None:  # noqa: ANN401
    """Compile each layer by itself: one compilation serves all, and the state dict keeps its names."""
    from transformers.modeling_layers import GradientCheckpointingLayer  # noqa: PLC0415 - an extra

    for layer in model.modules():
        if isinstance(layer, GradientCheckpointingLayer):
            layer.compile()


def _arguments(ready: Ready, folder: Path) -> Any:  # noqa: ANN401
    from trl import SFTConfig  # noqa: PLC0415 - an extra

    settings, plan, choice = ready.settings, ready.plan, ready.choice
    every = settings.save_steps or max(plan.steps // 10, 1)
    measured = settings.evaluate and bool(ready.validation)
    told: dict[str, Any] = {
        "output_dir": str(folder),
        "max_steps": plan.steps,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": plan.accumulation // processes()[1],
        "train_sampling_strategy": "sequential",
        "remove_unused_columns": False,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "max_length": None,
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
        "save_total_limit": settings.keep_checkpoints,
        "eval_strategy": "steps" if measured else "no",
        "eval_steps": every if measured else None,
        "report_to": settings.report_to,
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": False,
    }
    try:
        return SFTConfig(**{**told, **settings.trl_args})
    except (TypeError, ValueError) as refused:
        raise UsageError(f"trl_args: TRL's SFTConfig refuses them: {refused}") from refused


def _adapters(settings: Training) -> Any:  # noqa: ANN401
    if settings.lora is None:
        return None
    from peft import LoraConfig  # noqa: PLC0415 - an extra

    lora = settings.lora
    targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
    return LoraConfig(
        r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets, task_type="CAUSAL_LM"
    )


def _watcher(ready: Ready, tell: Callable[[dict[str, Any]], None]) -> Any:  # noqa: ANN401
    """Marks whole checkpoints, tells of every step, and stops a run whose loss is no number."""
    from transformers import TrainerCallback  # noqa: PLC0415 - an extra

    tokens = sum(map(len, ready.train)) / max(len(ready.train), 1) * ready.settings.batch

    class Watcher(TrainerCallback):  # type: ignore[misc] # transformers has no types
        """What happens while a run goes on."""

        def __init__(self) -> None:
            self.started, self.first = time.monotonic(), 0

        def on_train_begin(self, _: Any, state: Any, __: Any, **___: Any) -> None:  # noqa: ANN401
            self.started, self.first = time.monotonic(), state.global_step

        def on_save(self, args: Any, state: Any, _: Any, **__: Any) -> None:  # noqa: ANN401
            if state.is_world_process_zero:
                Path(args.output_dir, f"checkpoint-{state.global_step}", COMPLETE).touch()

        def on_log(self, _: Any, state: Any, __: Any, logs: dict[str, Any], **___: Any) -> None:  # noqa: ANN401
            loss = logs.get("loss")
            if loss is not None and not math.isfinite(float(loss)):
                raise UsageError(
                    f"the loss is {loss} at step {state.global_step}: lower learning_rate, or set precision: fp32. "
                    "The last checkpoint is kept"
                )
            done, spent = state.global_step - self.first, time.monotonic() - self.started
            if state.is_world_process_zero and done:
                pace = {"step": state.global_step, "steps": state.max_steps, "tokens_per_second": done * tokens / spent}
                tell({**logs, **pace, "seconds_left": (state.max_steps - state.global_step) * spent / done})

    return Watcher()


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; torn ones do not count."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{COMPLETE}")]
    return max(whole, key=lambda one: int(one.name.split("-")[1]), default=None)
