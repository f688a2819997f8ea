"""TRL's own command, ``trl sft --config train.yaml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from reasonmed.training.emit._hf import arguments

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.training.emit._case import Case

VERSION = "trl 1.16.0"


def write(case: Case, sinks: Sinks) -> tuple[str, ...]:
    """Write ``data/SPLIT.jsonl`` and ``train.yaml``; the command."""
    for name, rows in case.splits():
        for row in rows:
            sides = {"prompt": row.prompt, "completion": row.completion}
            sinks.add(f"data/{name}.jsonl", {side: [one.chat for one in said] for side, said in sides.items()})
    told = {**_model(case), **_data(case), **arguments(case), **_layout(case)}
    if (template := case.template) is not None:
        sinks.text("template.jinja", template)
        told["chat_template_path"] = "template.jinja"
    if case.end is not None:
        told["eos_token"] = case.end
    told |= case.take("trl_args")
    sinks.text("train.yaml", yaml.safe_dump(told, sort_keys=False, allow_unicode=True))
    return ("trl", "sft", "--config", "train.yaml", "--num_processes", str(case.devices))


def _model(case: Case) -> dict[str, object]:
    told: dict[str, object] = {"model_name_or_path": case.model}
    if (revision := case.take("revision")) is not None:
        told["model_revision"] = revision
    if (attention := case.take("attention")) != "auto":
        told["attn_implementation"] = attention
    lora = case.take("lora")
    told["dtype"] = "bfloat16" if lora is not None and case.bf16 else "float32"
    if lora is not None:
        targets = [lora.target_modules] if isinstance(lora.target_modules, str) else list(lora.target_modules)
        told |= {"use_peft": True, "lora_r": lora.r, "lora_alpha": lora.alpha, "lora_dropout": lora.dropout}
        told["lora_target_modules"] = targets
        case.say_merge("merge it with peft's merge_and_unload")
    return told


def _data(case: Case) -> dict[str, object]:
    told: dict[str, object] = {"dataset_name": "./data", "dataset_train_split": "train", "completion_only_loss": True}
    if case.measured:
        told |= {"dataset_test_split": "validation", "eval_strategy": "steps", "eval_steps": case.every}
        told["per_device_eval_batch_size"] = 1
    return told


def _layout(case: Case) -> dict[str, object]:
    limit = case.take("max_length")
    if limit is not None:
        case.limit("is cut")
    if packed := case.packed:
        case.note("batch: with packing, TRL counts packed rows of max_length tokens, so a step has more rows")
    told = {"max_length": limit, "packing": packed, "bf16": case.bf16, "gradient_checkpointing": case.checkpointed}
    return {**told, "torch_compile": case.take("compile") is True}
