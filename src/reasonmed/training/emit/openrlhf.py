"""OpenRLHF: prompt and completion rows, and the flags of ``openrlhf.cli.train_sft``, which has no file of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.training.emit._case import Case

VERSION = "openrlhf 0.11.2"
_SCHEDULES = {"cosine": "cosine_with_min_lr", "linear": "linear", "constant": "constant_with_warmup"}


def write(case: Case, sinks: Sinks) -> tuple[str, ...]:
    """Write ``data/SPLIT.jsonl``; the command."""
    for name, rows in case.splits():
        for row in rows:
            sides = {"prompt": row.prompt, "completion": row.completion}
            sinks.add(f"data/{name}.jsonl", {side: [one.chat for one in said] for side, said in sides.items()})
    command = ["deepspeed", "--num_gpus", str(case.devices), "--module", "openrlhf.cli.train_sft"]
    return (*command, *_model(case), *_data(case), *_training(case), *_layout(case))


def _model(case: Case) -> list[str]:
    told = ["--model.model_name_or_path", case.model]
    if (attention := case.take("attention")) != "auto":
        told += ["--ds.attn_implementation", attention]
    lora = case.take("lora")
    if lora is not None:
        told += ["--ds.lora.rank", str(lora.r), "--ds.lora.alpha", str(lora.alpha)]
        told += ["--ds.lora.dropout", str(lora.dropout)]
        targets = [lora.target_modules] if isinstance(lora.target_modules, str) else list(lora.target_modules)
        if targets != ["all-linear"]:  # its default, which as a flag would be a list, and peft then looks for that name
            told += ["--ds.lora.target_modules", *targets]
        case.say_merge("merge it with `python -m openrlhf.cli.lora_combiner`")
    return told


def _data(case: Case) -> list[str]:
    told = ["--data.dataset", "data/train.jsonl", "--data.dataset_split", "train"]
    told += ["--data.input_key", "prompt", "--data.output_key", "completion", "--data.apply_chat_template"]
    if (template := case.template) is not None:
        told += ["--data.tokenizer_chat_template", template]
    if case.measured:
        told += ["--eval.dataset", "data/validation.jsonl", "--eval.split", "train", "--eval.steps", str(case.every)]
    case.note(
        "labels: line breaks that the template puts behind the end token are left out, and a reply that does not end "
        "with the tokenizer's own end token gets a space and that token, which are learned"
    )
    return [*told, "--data.max_len", str(case.limit("is cut at its end, and its last token made the end token"))]


def _training(case: Case) -> list[str]:
    first, second = case.take("betas")
    batch: int = case.take("batch")
    case.check_devices(batch)
    if case.take("max_steps") is not None:
        raise UsageError("max_steps: OpenRLHF's SFT has no such setting; leave it out and say fewer epochs")
    if case.take("report_to") != "none":
        case.note("report_to: is not written; wandb wants a key: --logger.wandb.key")
    case.note("epochs: OpenRLHF's loader may drop the last, short batch of an epoch")
    return [
        *("--ckpt.output_dir", "model", "--ckpt.path", "model/checkpoints", "--ckpt.save_steps", str(case.every)),
        *("--ckpt.max_num", str(case.take("keep_checkpoints"))),
        *("--train.max_epochs", str(case.whole_epochs), "--train.batch_size", str(batch)),
        *("--train.seed", str(case.take("seed")), "--adam.lr", str(case.take("learning_rate"))),
        *("--adam.betas", str(first), str(second), "--adam.weight_decay", str(case.take("weight_decay"))),
        *("--lr_scheduler", _SCHEDULES[case.take("schedule")], "--min_lr_ratio", "0.0"),
        *("--lr_warmup_ratio", str(case.take("warmup")), "--max_norm", str(case.take("clip"))),
    ]


def _layout(case: Case) -> list[str]:
    if case.take("micro_batch_tokens") is not None:
        case.note("micro_batch_tokens: this stack counts rows; written is 1 row")
    told = ["--train.micro_batch_size", "1", "--ds.param_dtype", "bf16"]
    if not case.bf16:
        case.note("precision: fp32 is not written; OpenRLHF trains in bf16")
    if case.packed:
        told += ["--ds.packing_samples"]
        if "flash_attention" not in (attention := case.take("attention")) and attention != "auto":
            case.note(f"attention: with packing, OpenRLHF takes flash_attention_2 in place of {attention}")
    if case.checkpointed:
        told += ["--model.gradient_checkpointing_enable"]
    if case.take("compile") is True:
        told += ["--ds.deepcompile"]
    return told
