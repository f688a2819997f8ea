"""The same training for other stacks: without any extra, and against TRL's own parser where it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reasonmed.errors import UsageError
from reasonmed.training import settings
from reasonmed.training.emit import STACKS, emit
from reasonmed.training.emit._case import Emitted
from reasonmed.training.methods import sft
from tiny_model import CHATML, export, rows

USUAL = {
    "base_model": "Qwen/Qwen3-8B",
    "batch": 4,
    "epochs": 2,
    "learning_rate": 2e-5,
    "warmup": 0.25,
    "weight_decay": 0.1,
    "betas": [0.9, 0.95],
    "clip": 0.5,
    "seed": 7,
    "max_length": 400,
}


def emitted(folder: Path, stack: str, *, devices: int = 1, force: bool = False, **changes: Any) -> Emitted:
    """What a stack gets for a training file with some changes, in ``folder/STACK``."""
    if not (folder / "data").exists():
        export(folder / "data")
    chosen = {name: value for name, value in {**USUAL, **changes}.items() if value is not None}
    told = settings.parse(yaml.safe_dump(chosen), "train.yaml", None)
    return emit(stack, sft.read(folder / "data", told), told, folder / stack, devices=devices, force=force)


def config(folder: Path, stack: str) -> dict[str, Any]:
    return dict(yaml.safe_load((folder / stack / "train.yaml").read_text(encoding="utf-8")))


def flags(told: Emitted) -> dict[str, list[str]]:
    """The flags of a command and their values."""
    found: dict[str, list[str]] = {}
    for word in told.command:
        if word.startswith("--"):
            found[word] = last = []
        elif found:
            last.append(word)
    return found


def conversations(folder: Path, stack: str, split: str) -> list[list[dict[str, str]]]:
    """The rows that were written, as whole conversations."""
    place = folder / stack / "data"
    if stack == "verl":
        parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
        return [row["messages"] for row in parquet.read_table(place / f"{split}.parquet").to_pylist()]
    written = [json.loads(line) for line in (place / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row["messages"] if "messages" in row else [*row["prompt"], *row["completion"]] for row in written]


@pytest.mark.parametrize("stack", STACKS)
def test_every_row_arrives_whole_and_in_order(tmp_path: Path, stack: str) -> None:
    emitted(tmp_path, stack)
    for split, wanted in (("train", rows(24)), ("validation", rows(6, seed=1))):
        assert conversations(tmp_path, stack, split) == [[*row["prompt"], *row["completion"]] for row in wanted]


@pytest.mark.parametrize("stack", STACKS)
def test_a_row_with_reasoning_in_a_field_of_its_own_keeps_it(tmp_path: Path, stack: str) -> None:
    row = rows(1)[0]
    row["completion"] = [{"role": "assistant", "reasoning_content": "since x", "content": "B"}]
    path = tmp_path / "data" / "train.jsonl"
    path.parent.mkdir()
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    told = emitted(tmp_path, stack, batch=1)
    said = conversations(tmp_path, stack, "train")[0][-1]
    if stack in {"trl-cli", "openrlhf"}:
        assert said == row["completion"][0]
    else:
        assert said == {"role": "assistant", "content": "<think>\nsince x\n</think>\n\nB"}
        assert any("reasoning_content" in note for note in told.notes)


@pytest.mark.parametrize("stack", STACKS)
def test_a_field_is_mapped_or_said(tmp_path: Path, stack: str) -> None:
    """Every field with a value of its own changes the files or the command, or a note names it."""
    emitted(tmp_path, stack)
    base = contents(tmp_path / stack)
    template = tmp_path / "t.jinja"
    template.write_text("{{ messages }} ${x}", encoding="utf-8")
    changes: dict[str, Any] = {
        "base_model": "other/model",
        "revision": "abc",
        "lora": {"r": 3, "dropout": 0.5},
        "epochs": 5,
        "batch": 8,
        "learning_rate": 1e-3,
        "schedule": "linear",
        "warmup": 0.5,
        "weight_decay": 0.3,
        "betas": [0.8, 0.9],
        "clip": 2.0,
        "seed": 9,
        "max_length": 300,
        "micro_batch_tokens": 4096,
        "packing": True,
        "attention": "sdpa",
        "precision": "fp32",
        "checkpointing": False,
        "compile": True,
        "template": str(template),
        "save_steps": 3,
        "keep_checkpoints": 4,
        "evaluate": False,
        "report_to": "wandb",
        "trl_args": {"neftune_noise_alpha": 5},
    }
    # the rest is what the data carries out, other methods' fields, and max_steps, which has a test of its own
    others = {"variant", "method", "source", "max_steps", "beta", "rollouts", "control_tokens", "accuracy", "best"}
    assert changes.keys() | others == set(settings.Training.model_fields)
    assert done.returncode == 0, done.stderr[-3000:]
    state = tmp_path / "trl-cli" / "model" / "checkpoint-6" / "trainer_state.json"
    losses = [one["loss"] for one in json.loads(state.read_text())["log_history"] if "loss" in one]
    assert len(losses) == 6
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("stack", STACKS)
def test_a_card_of_it_is_refused_with_the_mend_that_fits(tmp_path: Path, stack: str) -> None:
    from reasonmed.export import About, recard  # noqa: PLC0415 - beside its use

    emitted(tmp_path, stack)
    before = {path.name: path.read_bytes() for path in (tmp_path / stack).iterdir() if path.is_file()}
    with pytest.raises(UsageError, match=rf"holds rows for {stack} .* give the export that they were made from"):
        recard(tmp_path / stack, About(), force=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / stack).iterdir() if path.is_file()} == before


END = "<|im_end|>"


def base_of(folder: Path, *, eos: str = "<|endoftext|>", template: str | None = CHATML) -> Path:
    """The files of a tokenizer, as far as a configuration is made from them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>")
    told = {
        "eos_token": {"content": eos},
        "chat_template": template,
        "added_tokens_decoder": {
            str(number): {"content": text, "special": text != "<think>"} for number, text in enumerate(special)
        },
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


@pytest.mark.parametrize("stack", STACKS)
def test_an_end_of_turn_that_is_no_end_of_text_is_written_for_every_stack(tmp_path: Path, stack: str) -> None:
    base = base_of(tmp_path / "base")
    told = emitted(tmp_path, stack, base_model=str(base))
    assert any(note.startswith("eos_token: <|im_end|> ends replies") for note in told.notes)
    if stack == "trl-cli":
        assert config(tmp_path, stack)["eos_token"] == END
    elif stack == "axolotl":
        assert config(tmp_path, stack)["special_tokens"] == {"eos_token": "<|im_end|>"}
        assert config(tmp_path, stack)["eot_tokens"] == ["<|im_end|>"]
    else:
        lines = (tmp_path / stack / "run.sh").read_text(encoding="utf-8").splitlines()
        assert lines[-1] == "python3 end_token.py"
        model = tmp_path / stack / "model" / "checkpoint-5"
        model.mkdir(parents=True)
        for name in ("config.json", "generation_config.json"):
            (model / name).write_text('{"eos_token_id": 0}', encoding="utf-8")
        (model / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}', encoding="utf-8")
        for _ in range(2):
            subprocess.run([sys.executable, "end_token.py"], cwd=tmp_path / stack, check=True, capture_output=True)
        assert json.loads((model / "generation_config.json").read_text(encoding="utf-8")) == {"eos_token_id": [2, 0]}
        assert json.loads((model / "tokenizer_config.json").read_text(encoding="utf-8")) == {"eos_token": "<|im_end|>"}
    manifest = json.loads((tmp_path / stack / "export.json").read_text(encoding="utf-8"))
    assert manifest["eos_token"] == END


def test_nothing_is_written_of_an_end_that_the_tokenizer_names_itself(tmp_path: Path) -> None:
    told = emitted(tmp_path, "llamafactory", base_model=str(base_of(tmp_path / "base", eos="<|im_end|>")))
    assert not any("eos_token" in note for note in told.notes)
    assert not (tmp_path / "llamafactory" / "end_token.py").exists()
    assert "Replies end with <|im_end|>" in (tmp_path / "llamafactory" / "README.md").read_text(encoding="utf-8")


def test_a_tokenizer_that_is_not_here_and_a_template_without_an_end_are_said(tmp_path: Path) -> None:
    assert any(
        note.startswith("eos_token: the base model's tokenizer is not") for note in emitted(tmp_path, "verl").notes
    )
    base = base_of(tmp_path / "base", template=CHATML.replace("<|im_end|>", ""))
    with pytest.raises(UsageError, match="never stop"):
        emitted(tmp_path, "axolotl", base_model=str(base))


@pytest.mark.parametrize("known", [True, False])
def test_rows_with_control_tokens_are_left_out_and_named(tmp_path: Path, known: bool) -> None:  # noqa: FBT001
    export(tmp_path / "data", 200)
    place = tmp_path / "data" / "trl-sft" / "reasonmed" / "train.jsonl"
    bad = {
        **rows(1)[0],
        "id": "bad",
        "completion": [{"role": "assistant", "content": "B <|im_end|>\n<|im_start|>user"}],
    }
    place.write_text(place.read_text(encoding="utf-8") + json.dumps(bad) + "\n", encoding="utf-8")
    told = emitted(tmp_path, "trl-cli", base_model=str(base_of(tmp_path / "base")) if known else USUAL["base_model"])
    assert len(conversations(tmp_path, "trl-cli", "train")) == 200
    (note,) = (note for note in told.notes if note.startswith("control_tokens"))
    assert "1 rows" in note
    assert "bad (" in note
    manifest = json.loads((tmp_path / "trl-cli" / "export.json").read_text(encoding="utf-8"))
    assert set(manifest["control_tokens"]["bad"]) == {"<|im_end|>", "<|im_start|>"}
    with pytest.raises(UsageError, match="control_tokens: text: trl-cli reads"):
        emitted(tmp_path, "trl-cli", force=True, control_tokens="text")
