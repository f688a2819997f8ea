"""Axolotl: conversations and a YAML for ``axolotl train``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from reasonmed.export.formats.axolotl import source

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.training.emit._case import Case

VERSION = "axolotl 0.19.0"
_TRACKERS = {"wandb": "use_wandb", "tensorboard": "use_tensorboard", "mlflow": "use_mlflow"}


def write(case: Case, sinks: Sinks) -> tuple[str, ...]:
    """Write ``data/SPLIT.jsonl`` and ``train.yaml``; the command."""
    for name, rows in case.turns():
        for turns in rows:
            sinks.add(f"data/{name}.jsonl", {"messages": turns})
    told = {**_model(case), **_data(case), **_training(case), **_layout(case)}
    sinks.text("train.yaml", yaml.safe_dump(told, sort_keys=False, allow_unicode=True))
    launch = ("--launcher", "accelerate", "--", "--num_processes", str(case.devices))
    return ("axolotl", "train", "train.yaml", *launch)


def _model(case: Case) -> dict[str, object]:
    told: dict[str, object] = {"base_model": case.model}
    if (revision := case.take("revision")) is not None:
        told["revision_of_model"] = revision
    if (attention := case.take("attention")) != "auto":
        told["attn_implementation"] = attention
    if (template := case.template) is None:
        told["chat_template"] = "tokenizer_default"
    else:
        told |= {"chat_template": "jinja", "chat_template_jinja": template}
    if case.end is not None:
        told |= {"special_tokens": {"eos_token": case.end}, "eot_tokens": [case.end]}
    lora = case.take("lora")
    if lora is None:
        return told
    case.say_merge("merge it with `axolotl merge-lora train.yaml`")
    told |= {"adapter": "lora", "lora_r": lora.r, "lora_alpha": lora.alpha, "lora_dropout": lora.dropout}
    if lora.target_modules == "all-linear":
        return {**told, "lora_target_linear": True}
    targets = lora.target_modules
    return {**told, "lora_target_modules": targets if isinstance(targets, str) else list(targets)}


def _data(case: Case) -> dict[str, object]:
    told: dict[str, object] = {"datasets": [source("data/train.jsonl")], "dataset_prepared_path": "prepared"}
    if case.measured:
        told |= {"test_datasets": [source("data/validation.jsonl")], "eval_strategy": "steps", "eval_steps": case.every}
    case.note("labels: what the template puts behind the end token, as a line break, is not learned")
    return {**told, "train_on_inputs": False}


def _training(case: Case) -> dict[str, object]:
    betas = case.take("betas")
    told = {
        "output_dir": "model",
        "num_epochs": case.take("epochs"),
        "micro_batch_size": 1,
        "gradient_accumulation_steps": case.accumulation,
        "learning_rate": case.take("learning_rate"),
        "lr_scheduler": case.take("schedule"),
        "warmup_ratio": case.take("warmup"),
        "weight_decay": case.take("weight_decay"),
        "adam_beta1": betas[0],
        "adam_beta2": betas[1],
        "max_grad_norm": case.take("clip"),
        "optimizer": "adamw_torch_fused",
        "seed": case.take("seed"),
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": case.every,
        "save_total_limit": case.take("keep_checkpoints"),
    }
    if (most := case.shortened) is not None:
        told["max_steps"] = most
    if (tracker := case.take("report_to")) in _TRACKERS:
        told[_TRACKERS[tracker]] = True
    elif tracker != "none":
        case.note(f"report_to: {tracker} is not written; written can be {', '.join(_TRACKERS)}")
    return told


def _layout(case: Case) -> dict[str, object]:
    if packed := case.packed:
        case.note("batch: with packing, Axolotl counts packed rows of max_length tokens, so a step has more rows")
    return {
        "sequence_len": case.limit(""),
        "excess_length_strategy": "drop",
        "sample_packing": packed,
        "eval_sample_packing": packed,
        "pad_to_sequence_len": packed,
        "bf16": case.bf16,
        "gradient_checkpointing": case.checkpointed,
        "torch_compile": case.take("compile") is True,
    }
