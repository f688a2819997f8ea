"""Speed of training: TRL's defaults and ours side by side, on random weights and random rows. Nothing is fetched.

    python bench/train.py                        # on a GPU: 1.54 B parameters, rows of about 800 tokens
    python bench/train.py --size small           # few parameters: also on a processor
    python bench/train.py --size small --only "trl;ours;ours:packing=true"

A variant is a name with changes to a training file after a colon. Each runs in a process of its own. Tokens
are those of rows, never filling; MFU counts 6 operations a parameter and token and causal attention, nothing twice.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

SIZES = {
    "small": {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
              "num_key_value_heads": 2, "vocab_size": 1024},
    "1.5b": {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
             "num_key_value_heads": 2, "vocab_size": 151936},
}  # fmt: skip
"""Shapes of Qwen2 models; 1.5b is that of Qwen2.5-1.5B."""
DEFAULT = ("trl", "trl:accumulate=8", "ours")
BATCH = 64
TRL_BATCH = 8


def made_rows(count: int, mean: int, vocabulary: int) -> list[tuple[list[int], int]]:
    """Random rows with lengths as chains of thought have them: log-normal, and the first 30 % are the prompt."""
    draw = random.Random(0)  # noqa: S311 - made-up rows
    rows = []
    for _ in range(count):
        length = min(max(int(draw.lognormvariate(math.log(mean) - 0.08, 0.4)), 32), 4 * mean)
        rows.append(([draw.randrange(8, vocabulary) for _ in range(length)], int(0.3 * length)))
    return rows


def config_of(size: str) -> Any:
    """The shape."""
    from transformers import Qwen2Config

    return Qwen2Config(**SIZES[size], max_position_embeddings=8192, tie_word_embeddings=True)


def model_of(size: str, attention: str) -> Any:
    """Random weights in fp32."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        return AutoModelForCausalLM.from_config(config_of(size), attn_implementation=attention, dtype=torch.float32)


def tokenizer_of() -> Any:
    """What trainers ask for; it tokenizes nothing here."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<eos>": 1, "a": 2}
    built = Tokenizer(models.WordLevel(words, unk_token="a"))
    return PreTrainedTokenizerFast(tokenizer_object=built, pad_token="<pad>", eos_token="<eos>")


class Clock:
    """Times the steps after the warm-up."""

    def __init__(self, warm: int) -> None:
        from transformers import TrainerCallback

        clock = self
        self.first, self.last, self.done = 0.0, 0.0, 0

        class Ticks(TrainerCallback):  # type: ignore[misc] # transformers has no types
            def on_step_end(self, _: Any, state: Any, __: Any, **___: Any) -> None:
                import torch

                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                if state.global_step == warm:
                    clock.first = time.perf_counter()
                clock.last, clock.done = time.perf_counter(), state.global_step

        self.callback = Ticks()


def run_trl(
    size: str, rows: list[tuple[list[int], int]], steps: int, warm: int, changes: dict[str, Any]
) -> tuple[Clock, list[int], dict[str, Any]]:
    """TRL as it comes: only where to write, how long, and that no row is cut is said."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    accumulate = int(changes.pop("accumulate", 1))
    clock = Clock(warm)
    data = Dataset.from_dict(
        {"input_ids": [ids for ids, _ in rows], "labels": [[-100] * start + ids[start:] for ids, start in rows]}
    )
    with tempfile.TemporaryDirectory() as folder:
        arguments = SFTConfig(
            output_dir=folder, max_steps=steps, max_length=None, gradient_accumulation_steps=accumulate,
            save_strategy="no", report_to="none", disable_tqdm=True, train_sampling_strategy="sequential",
            use_cpu=not _cuda(), bf16=_cuda(), **changes,
        )  # fmt: skip
        model = model_of(size, "sdpa")
        trainer = SFTTrainer(
            model=model, args=arguments, train_dataset=data, processing_class=tokenizer_of(), callbacks=[clock.callback]
        )
        trainer.train()
    a_step = TRL_BATCH * accumulate
    lengths = [len(rows[place % len(rows)][0]) for place in range(warm * a_step, steps * a_step)]
    return clock, lengths, {"attention": "sdpa", "padding": True, "checkpointing": True, "rows a step": a_step}


def run_ours(
    size: str, rows: list[tuple[list[int], int]], steps: int, warm: int, changes: dict[str, Any]
) -> tuple[Clock, list[int], dict[str, Any]]:
    """What `reasonmed train` does with these rows."""
    import numpy as np

    from reasonmed.training import models
    from reasonmed.training.batches import Layout, plan
    from reasonmed.training.ends import End
    from reasonmed.training.memory import device
    from reasonmed.training.methods import Model, sft
    from reasonmed.training.settings import Training
    from reasonmed.training.tokens import Tokenized
    from reasonmed.training.trainer import Ready

    long = Training(base_model="made", batch=BATCH, epochs=100, save_steps=10**6, **changes)
    settings = long.model_copy(update={"max_steps": steps})
    kept = [Tokenized(place, np.asarray(ids, np.int32), start) for place, (ids, start) in enumerate(rows)]
    lengths = [len(one) for one in kept]
    config = config_of(size)
    choice, _ = sft.lay(long, Model(config, models.count(config)), (kept, []), device())
    layout = Layout(choice.packed, choice.tokens)
    planned = plan(lengths, BATCH, 100, 0, layout, steps)
    clock = Clock(warm)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = tokenizer_of()
        end = End(tokenizer.eos_token_id, tokenizer.eos_token, tokenizer.eos_token)
        ready = Ready(settings, choice, planned, layout, kept, [], tokenizer, end)
        trainer = sft.make(model_of(size, choice.attention), ready, Path(folder), lambda _: None)
        trainer.add_callback(clock.callback)
        trainer.train()
    timed = planned.micros[warm * planned.accumulation :]
    told = {
        "attention": choice.attention, "packed": choice.packed, "compiled": choice.compiled, "rows a step": BATCH,
        "checkpointing": choice.checkpointed, "width": planned.width, "micro-batches": planned.accumulation,
        "fill": None if planned.fill is None else round(planned.fill, 3),
        "estimate GiB": round(choice.estimate / 2**30, 1),
    }  # fmt: skip
    return clock, [lengths[row] for micro in timed for row in micro], told


def _cuda() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def measure(variant: str, size: str, mean: int, steps: int, warm: int) -> dict[str, Any]:
    """One variant, in this process."""
    import torch

    from reasonmed.training import dependencies as extra
    from reasonmed.training import models
    from reasonmed.training.memory import device, operations

    extra.need()
    name, _, text = variant.partition(":")
    changes = {key: yaml.safe_load(value) for key, value in (one.split("=") for one in text.split(",") if one)}
    rows = made_rows(BATCH * 16, mean, SIZES[size]["vocab_size"])
    clock, lengths, told = (run_trl if name == "trl" else run_ours)(size, rows, steps, warm, changes)
    seconds, tokens = clock.last - clock.first, sum(lengths)
    config = config_of(size)
    parameters, machine = models.count(config), device()
    rate = operations(config, parameters, tokens, sum(one * one for one in lengths) / tokens) / seconds
    return {
        "variant": variant,
        "tokens_per_second": tokens / seconds,
        "tflops": rate / 1e12,
        "mfu": rate / machine.peak if machine.peak else None,
        "gib": torch.cuda.max_memory_allocated() / 2**30 if _cuda() else None,
        "parameters": parameters,
        "machine": machine.name,
        "torch": torch.__version__,
        "layout": told,
    }


def main() -> None:
    """Measure the variants and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="1.5b")
    parser.add_argument("--tokens", type=int, default=800, help="mean length of a row")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--warm", type=int, default=3)
    parser.add_argument("--limit", type=int, default=900, help="seconds for a variant")
    parser.add_argument("--only", help="variants, separated by semicolons")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(chosen.one, chosen.size, chosen.tokens, chosen.steps, chosen.warm)))
        return
    found = []
    for variant in chosen.only.split(";") if chosen.only else DEFAULT:
        command = [sys.executable, __file__, "--one", variant, "--size", chosen.size, "--tokens", str(chosen.tokens)]
        command += ["--steps", str(chosen.steps), "--warm", str(chosen.warm)]
        started = time.perf_counter()
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=chosen.limit)
        except subprocess.TimeoutExpired:
            print(f"# {variant}: not done in {chosen.limit} s", flush=True)
            continue
        if done.returncode:
            print(f"# {variant}: failed\n{done.stderr[-1500:]}", flush=True)
            continue
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"# {variant}: {found[-1]['layout']} ({time.perf_counter() - started:.0f} s)", flush=True)
    show(found)


def show(found: list[dict[str, Any]]) -> None:
    """The table."""
    if not found:
        sys.exit(1)
    first = found[0]
    print(f"\n{first['machine']}, torch {first['torch']}, {first['parameters'] / 1e9:.3f} B parameters, random weights")
    print(f"{'variant':44} {'tokens/s':>10} {'TFLOP/s':>8} {'MFU':>6} {'GiB':>6} {'times':>6}")
    for one in found:
        mfu = f"{one['mfu']:.1%}" if one["mfu"] else "-"
        gib = f"{one['gib']:.1f}" if one["gib"] else "-"
        times = one["tokens_per_second"] / first["tokens_per_second"]
        line = f"{one['variant']:44} {one['tokens_per_second']:10,.0f} {one['tflops']:8.1f} {mfu:>6} {gib:>6}"
        print(f"{line} {times:6.2f}")


if __name__ == "__main__":
    main()
