"""A tiny random language model and rows to train it on: no download, seconds on a processor."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_WORDS = [
    "fever",
    "cough",
    "pain",
    "rash",
    "anemia",
    "sodium",
    "lung",
    "heart",
    "renal",
    "acute",
    "chronic",
    "vitamin",
    "dose",
    "blood",
    "liver",
    "nerve",
]


def byte_tokenizer(template: str | None = CHATML, merges: Sequence[tuple[str, str]] = ()) -> Any:
    """A byte-level tokenizer; with merges, some of its tokens are of several bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    marks = [*special, *alphabet, *(one + other for one, other in merges)]
    built = Tokenizer(models.BPE({mark: place for place, mark in enumerate(marks)}, list(merges)))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not merges)
    built.decoder = decoders.ByteLevel()
    built.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=built, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = template
    return tokenizer


def tiny_model(folder: Path, *, context: int = 512, layers: int = 2, template: str | None = CHATML) -> Path:
    """Write a random Llama of a few thousand weights with a byte-level tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer(template)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=context, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=0,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def rows(count: int, seed: int = 0, words: int = 8) -> list[dict[str, Any]]:
    """Rows in the layout of an export, of different lengths."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        said = " ".join(draw.choices(_WORDS, k=draw.randrange(2, words)))
        reply = f"<think>{said} hence B</think>The answer is B."
        made.append(
            {
                "id": f"q{number}#1",
                "question_id": f"q{number}",
                "prompt": [{"role": "user", "content": f"Case {number}: {said}?"}],
                "completion": [{"role": "assistant", "content": reply}],
                "stem": f"{number:032x}",
                "tier": "easy",
                "source": "made",
            }
        )
    return made


def pairs(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Pairs in the layout of an export: the longer thinking is the preferred one."""
    made = []
    for row, wrong in zip(rows(count, seed), rows(count, seed + 1), strict=True):
        said = wrong["completion"][0]["content"].replace("B", "A")
        rejected = [{"role": "assistant", "content": said}]
        made.append({**row, "chosen": row["completion"], "rejected": rejected, "rank": 1})
    for one in made:
        del one["completion"]
    return made


def keyed(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Questions with a key in the layout of an export."""
    made = []
    for row in rows(count, seed):
        del row["completion"]
        made.append({**row, "answer": "B", "options": ["Influenza", "Anemia", "Asthma"]})
    return made


def labeled(count: int, seed: int = 0, steps: int = 4) -> list[dict[str, Any]]:
    """Chains with a label a step in the layout of an export; three of ten steps deny what they should say."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        ok = [draw.random() > 0.3 for _ in range(steps)]
        made.append(
            {
                "id": f"q{number}#1",
                "question_id": f"q{number}",
                "prompt": [{"role": "user", "content": f"{draw.choice(_WORDS)}?"}],
                "completions": [f"{draw.choice(_WORDS)} {'up' if one else 'no'}. " for one in ok],
                "labels": ok,
                "stem": f"{number:032x}",
            }
        )
    return made


def splits(folder: Path, train: list[dict[str, Any]], validation: list[dict[str, Any]]) -> None:
    """Write the files of a format's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, found in (("train", train), ("validation", validation), ("test", [])):
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")


def export(folder: Path, count: int = 24, variant: str = "reasonmed", **others: Any) -> Path:
    """An export's folder with train and validation rows."""
    splits(folder / "trl-sft" / variant, rows(count, **others), rows(6, seed=1))
    splits(folder / "dpo", pairs(count), pairs(6, seed=1))
    splits(folder / "rl" / "trl-grpo", keyed(count), keyed(6, seed=1))
    return folder


def curve(folder: Path) -> list[float]:
    """The training loss of every step of a model folder."""
    lines = (folder / "loss.jsonl").read_text(encoding="utf-8").splitlines()
    return [one["loss"] for one in map(json.loads, lines) if "loss" in one]


def killed(command: list[str], folder: Path) -> None:
    """Start a training and kill it when its first checkpoint is whole."""
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((folder / "checkpoints").glob("checkpoint-*/complete")):
        assert time.monotonic() < deadline
        assert started.poll() is None, "it ended before it could be killed"
        time.sleep(0.005)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert not (folder / "run.json").exists()
