"""verl's SFT trainer: parquet of conversations, and a YAML over its own ``sft_trainer_engine``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from reasonmed.errors import UsageError
from reasonmed.export._sinks import need_pyarrow

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.training.emit._case import Case

VERSION = "verl 0.9.1"
_BASE = "sft_trainer_engine"
"""The configuration of its trainer, which ours lies over."""


def write(case: Case, sinks: Sinks) -> tuple[str, ...]:
    """Write ``data/SPLIT.parquet`` and ``train.yaml``; the command."""
    splits = case.turns()
    told = {"defaults": [_BASE, "_self_"], "model": _model(case), "engine": _engine(case), "data": _data(case)}
    told |= {"optim": _optim(case), "trainer": _trainer(case)}
    told["checkpoint"] = {"save_contents": ["model", "optimizer", "extra", "hf_model"]}
    case.note("chat template: verl renders every message by itself and ends where that differs from the whole")
    for name, rows in splits:
        for turns in rows:
            sinks.add(f"data/{name}.parquet", {"messages": turns}, _schema)
    sinks.text("train.yaml", yaml.safe_dump(told, sort_keys=False, allow_unicode=True))
    launch = ("torchrun", "--standalone", "--nnodes=1", f"--nproc_per_node={case.devices}")
    return (*launch, "-m", "verl.trainer.sft_trainer", "--config-dir=.", "--config-name=train")


def _schema() -> Any:  # noqa: ANN401 - pyarrow ships no types
    need_pyarrow()
    import pyarrow as pa

    message = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])
    return pa.schema([pa.field("messages", pa.list_(message))])


def _model(case: Case) -> dict[str, object]:
    told: dict[str, object] = {"path": case.model, "enable_gradient_checkpointing": case.checkpointed}
    if (attention := case.take("attention")) != "auto":
        told["override_config"] = {"attn_implementation": attention}
    if (template := case.template) is not None:
        told["custom_chat_template"] = template.replace("${", "\\${")
    lora = case.take("lora")
    if lora is not None:
        targets = lora.target_modules if isinstance(lora.target_modules, str) else list(lora.target_modules)
        told |= {"lora_rank": lora.r, "lora_alpha": lora.alpha, "target_modules": targets}
        if lora.dropout:
            case.note(f"lora.dropout: {lora.dropout:g} is not written; verl has none over FSDP")
        case.say_merge("merge it with peft's merge_and_unload")
    return told


def _engine(case: Case) -> dict[str, object]:
    if not case.bf16:
        case.note("precision: fp32 is not written; verl has bf16 and fp16 over fp32 weights")
    return {"use_torch_compile": case.take("compile") is True, "seed": case.take("seed")}


def _data(case: Case) -> dict[str, object]:
    batch: int = case.take("batch")
    case.check_devices(batch)
    if len(case.data.train) < batch:
        raise UsageError(f"batch: {batch} is over the {len(case.data.train)} rows; verl drops short batches")
    case.note("epochs: verl drops the last, short batch of an epoch")
    limit = case.limit("ends the run with an error")
    if case.take("packing") is False:
        case.note("packing: false is not written; verl's rows stand without padding behind each other, apart")
    most = case.take("micro_batch_tokens") or limit
    return {
        "train_batch_size": batch,
        "use_dynamic_bsz": True,
        "max_token_len_per_gpu": max(most, limit),
        "train_files": "data/train.parquet",
        "val_files": "data/validation.parquet" if case.measured else None,
        "messages_key": "messages",
        "pad_mode": "no_padding",
        "max_length": limit,
        "truncation": "error",
    }


def _optim(case: Case) -> dict[str, object]:
    schedule = case.take("schedule")
    if schedule == "linear":
        case.note("schedule: linear is not written; verl has cosine and constant, written is cosine")
    return {
        "lr": case.take("learning_rate"),
        "lr_scheduler_type": "constant" if schedule == "constant" else "cosine",
        "lr_warmup_steps_ratio": case.take("warmup"),
        "min_lr_ratio": 0.0,
        "weight_decay": case.take("weight_decay"),
        "betas": list(case.take("betas")),
        "clip_grad": case.take("clip"),
    }


def _trainer(case: Case) -> dict[str, object]:
    tracker = case.take("report_to")
    return {
        "default_local_dir": "model",
        "project_name": "reasonmed",
        "experiment_name": "train",
        "total_epochs": case.whole_epochs,
        "total_training_steps": case.shortened,
        "logger": ["console", *([] if tracker == "none" else [tracker])],
        "seed": case.take("seed"),
        "save_freq": case.every,
        "test_freq": case.every if case.measured else -1,
        "max_ckpt_to_keep": case.take("keep_checkpoints"),
        "nnodes": 1,
        "n_gpus_per_node": case.devices,
    }
