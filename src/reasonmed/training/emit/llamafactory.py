"""LLaMA-Factory: its ``dataset_dir`` and a YAML for ``llamafactory-cli train``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import yaml

from reasonmed.errors import UsageError
from reasonmed.training.emit._hf import arguments

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.training.emit._case import Case

VERSION = "LLaMA-Factory 0.9.5"
_ATTENTION = {"sdpa": "sdpa", "flash_attention_2": "fa2", "flash_attention_3": "fa3", "eager": "disabled"}
_OPENAI = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    },
}


def write(case: Case, sinks: Sinks) -> tuple[str, ...]:
    """Write ``data/SPLIT.jsonl``, ``data/dataset_info.json`` and ``train.yaml``; the command."""
    splits = case.turns()
    _check_turns(case)
    for name, rows in splits:
        for turns in rows:
            sinks.add(f"data/{name}.jsonl", {"messages": turns})
    info = {name: {"file_name": f"{name}.jsonl", **_OPENAI} for name, _ in splits}
    sinks.text("data/dataset_info.json", json.dumps(info, indent=2) + "\n")
    told = {**_model(case), **_data(case, thinks=_thinks(case, splits)), **arguments(case), **_layout(case)}
    sinks.text("train.yaml", yaml.safe_dump(told, sort_keys=False, allow_unicode=True))
    return ("env", "FORCE_TORCHRUN=1", f"NPROC_PER_NODE={case.devices}", "llamafactory-cli", "train", "train.yaml")


def _check_turns(case: Case) -> None:
    for _, rows in case.splits():
        for row in rows:
            roles = [message.role for message in row.prompt]
            if roles not in (["user"], ["system", "user"]):
                raise UsageError(
                    f"row {row.id!r}: LLaMA-Factory skips a prompt with the roles {', '.join(roles)}, and the run "
                    "continues without it: prompts need one user message, and may have a system message before it"
                )


def _thinks(case: Case, splits: list[tuple[str, list[list[dict[str, str]]]]]) -> bool:
    """Whether any reply has think tags: where it is false, LLaMA-Factory takes the thinking out of all of them."""
    replies = [turns[-1]["content"] for _, rows in splits for turns in rows]
    without = sum("<think>" not in reply and "</think>" not in reply for reply in replies)
    if without == len(replies):
        case.note("enable_thinking: false, since the replies have no think tags; true would learn an empty block")
    elif without:
        case.note(
            f"enable_thinking: true, and {without} of {len(replies)} rows have no think tags: with a template that "
            "thinks, LLaMA-Factory puts an empty block before their replies and learns it"
        )
    return without < len(replies)


def _model(case: Case) -> dict[str, object]:
    told: dict[str, object] = {"model_name_or_path": case.model, "stage": "sft", "do_train": True}
    if (revision := case.take("revision")) is not None:
        told["model_revision"] = revision
    attention = case.take("attention")
    if attention in _ATTENTION:
        told["flash_attn"] = _ATTENTION[attention]
    elif attention != "auto":
        case.note(f"attention: {attention} is not written; LLaMA-Factory has {', '.join(_ATTENTION)}")
    lora = case.take("lora")
    if lora is None:
        return {**told, "finetuning_type": "full"}
    targets = lora.target_modules if isinstance(lora.target_modules, str) else ",".join(lora.target_modules)
    case.say_merge("merge it with `llamafactory-cli export`")
    told |= {"finetuning_type": "lora", "lora_rank": lora.r, "lora_alpha": lora.alpha, "lora_dropout": lora.dropout}
    return {**told, "lora_target": "all" if targets == "all-linear" else targets}


def _data(case: Case, *, thinks: bool) -> dict[str, object]:
    if case.template is not None:
        case.note(
            "template: is not written; LLaMA-Factory knows templates by name only (`template:` in train.yaml). Put the "
            "Jinja text into the tokenizer's folder, or name one of its own"
        )
    else:
        case.note(
            "template: none is named, so LLaMA-Factory reads the turns' marks off the tokenizer's template, an "
            "approximation: a template's first token (Llama 3's) stands twice where there is a system message, and "
            "line breaks around the thinking are those of the rows, not the template's. Check the row that it prints "
            "first, or name one of its templates"
        )
    told = {"dataset_dir": "data", "dataset": "train", "enable_thinking": thinks, "overwrite_cache": True}
    if case.measured:
        told |= {"eval_dataset": "validation", "eval_strategy": "steps", "eval_steps": case.every}
        told["per_device_eval_batch_size"] = 1
    return told


def _layout(case: Case) -> dict[str, object]:
    if packed := case.packed:
        case.note("batch: with packing, LLaMA-Factory counts packed rows of max_length tokens, so a step has more rows")
    return {
        "cutoff_len": case.limit("is cut"),
        "packing": packed,
        "neat_packing": packed,
        "bf16": case.bf16,
        "disable_gradient_checkpointing": not case.checkpointed,
        "torch_compile": case.take("compile") is True,
    }
