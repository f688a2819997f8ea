"""What stacks over the Hugging Face trainer have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonmed.training.emit._case import Case


def arguments(case: Case) -> dict[str, object]:
    """Schedule, optimizer, batch and checkpoints as transformers' TrainingArguments call them."""
    betas = case.take("betas")
    told = {
        "output_dir": "model",
        "num_train_epochs": case.take("epochs"),
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": case.accumulation,
        "learning_rate": case.take("learning_rate"),
        "lr_scheduler_type": case.take("schedule"),
        "warmup_steps": round(case.take("warmup") * case.steps),
        "weight_decay": case.take("weight_decay"),
        "adam_beta1": betas[0],
        "adam_beta2": betas[1],
        "max_grad_norm": case.take("clip"),
        "optim": "adamw_torch_fused",
        "seed": case.take("seed"),
        "data_seed": case.take("seed"),
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": case.every,
        "save_total_limit": case.take("keep_checkpoints"),
        "report_to": case.take("report_to"),
    }
    return told if (most := case.shortened) is None else {**told, "max_steps": most}
