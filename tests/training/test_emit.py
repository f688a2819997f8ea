"""The same training for other stacks: without any extra, and against TRL's own parser where it is installed."""

from __future__ import annotations

import json
import os
import shlex
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


def test_masked_steps_which_other_stacks_learn_are_said(tmp_path: Path) -> None:
    assert not any("masked" in note for note in emitted(tmp_path, "trl-cli").notes)
    path = tmp_path / "data" / "trl-sft" / "reasonmed" / "train.jsonl"
    first, *others = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(first), "masked": [[7, 9]]}), *others]), encoding="utf-8")
    notes = emitted(tmp_path, "trl-cli", force=True).notes
    assert any("masked: 1 of 24 rows have steps that are not to be learned" in note for note in notes)


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
    others = {"variant", "method", "source", "max_steps", "beta", "rollouts", "balance", "control_tokens"}
    others |= {"accuracy", "best"}
    assert changes.keys() | others == set(settings.Training.model_fields)
    always = {"packing": {"verl"}}  # its rows always stand behind each other
    for name, value in changes.items():
        told = emitted(tmp_path, stack, force=True, **{name: value})
        now = contents(tmp_path / stack)
        assert now != base or stack in always.get(name, ()), f"{name} is neither mapped nor said"
        said = [note for note in told.notes if note.startswith((name, f"{name}."))]
        assert said or without_notes(now) != without_notes(base) or stack in always.get(name, ()), name


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def without_notes(found: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in found.items() if name not in {"README.md", "export.json"}}


def test_llamafactory_is_told_in_its_own_words(tmp_path: Path) -> None:
    told = emitted(tmp_path, "llamafactory", lora={"r": 8, "alpha": 16}, devices=2, attention="flash_attention_2")
    found = config(tmp_path, "llamafactory")
    assert found["stage"] == "sft"
    assert (found["finetuning_type"], found["lora_rank"], found["lora_alpha"], found["lora_target"]) == (
        "lora", 8, 16, "all",
    )  # fmt: skip
    assert (found["cutoff_len"], found["flash_attn"], found["enable_thinking"]) == (400, "fa2", True)
    assert found["per_device_train_batch_size"] * found["gradient_accumulation_steps"] * 2 == 4
    assert (found["num_train_epochs"], found["warmup_steps"], found["seed"]) == (2, 3, 7)
    info = json.loads((tmp_path / "llamafactory" / "data" / "dataset_info.json").read_text(encoding="utf-8"))
    assert info[found["dataset"]]["file_name"] == "train.jsonl"
    assert info[found["eval_dataset"]]["columns"] == {"messages": "messages"}
    assert told.command[-3:] == ("llamafactory-cli", "train", "train.yaml")
    assert "NPROC_PER_NODE=2" in told.command


def test_replies_without_think_tags_get_no_empty_block_from_llamafactory(tmp_path: Path) -> None:
    row = {**rows(1)[0], "completion": [{"role": "assistant", "content": "The answer is B."}]}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text(json.dumps(row), encoding="utf-8")
    told = emitted(tmp_path, "llamafactory")
    assert config(tmp_path, "llamafactory")["enable_thinking"] is False
    assert any(note.startswith("enable_thinking") for note in told.notes)


def test_thinking_in_any_row_is_kept_by_llamafactory_and_rows_without_are_told(tmp_path: Path) -> None:
    """It takes the thinking out of every row where ``enable_thinking`` is false."""
    made = rows(3)
    made[0]["completion"] = [{"role": "assistant", "content": "The answer is B."}]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    told = emitted(tmp_path, "llamafactory", batch=1)
    assert config(tmp_path, "llamafactory")["enable_thinking"] is True
    assert any(note.startswith("enable_thinking: true") and "1 of 3 rows" in note for note in told.notes)


@pytest.mark.parametrize("roles", [["user", "user"], ["system"], ["user", "system"], ["developer", "user"]])
def test_turns_that_llamafactory_would_skip_without_an_error_are_refused(tmp_path: Path, roles: list[str]) -> None:
    row = {**rows(1)[0], "prompt": [{"role": role, "content": "so?"} for role in roles]}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(UsageError, match="LLaMA-Factory skips"):
        emitted(tmp_path, "llamafactory", batch=1)


@pytest.mark.parametrize("stack", ["axolotl", "openrlhf"])
def test_what_is_not_learned_behind_the_end_of_a_reply_is_said(tmp_path: Path, stack: str) -> None:
    assert any("behind the end token" in note for note in emitted(tmp_path, stack).notes)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("devices", [1, 2])
def test_the_command_says_how_many_devices_share_the_batch(tmp_path: Path, stack: str, devices: int) -> None:
    """Else a launcher takes all that it finds, and the batch is so many times larger."""
    words = " ".join(emitted(tmp_path, stack, devices=devices).command)
    said = ("NPROC_PER_NODE={}", "--num_processes {}", "--nproc_per_node={}", "--num_gpus {}")
    assert any(f"{one.format(devices)} " in f"{words} " for one in said)


def test_axolotl_learns_the_reply_only_and_drops_long_rows(tmp_path: Path) -> None:
    emitted(tmp_path, "axolotl", template="plain")
    found = config(tmp_path, "axolotl")
    assert found["datasets"][0]["roles_to_train"] == ["assistant"]
    assert (found["sequence_len"], found["excess_length_strategy"], found["sample_packing"]) == (400, "drop", False)
    assert "Assistant: " in found["chat_template_jinja"]
    assert (tmp_path / "axolotl" / found["test_datasets"][0]["path"]).is_file()
    assert (found["num_epochs"], found["warmup_ratio"], found["adam_beta2"]) == (2, 0.25, 0.95)


def test_verl_is_told_over_its_own_configuration(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra parquet")
    emitted(tmp_path, "verl", devices=2)
    found = config(tmp_path, "verl")
    assert found["defaults"] == ["sft_trainer_engine", "_self_"]
    assert (found["data"]["train_batch_size"], found["data"]["max_length"], found["data"]["truncation"]) == (
        4, 400, "error",
    )  # fmt: skip
    assert (found["optim"]["betas"], found["optim"]["clip_grad"]) == ([0.9, 0.95], 0.5)
    assert (found["trainer"]["total_epochs"], found["trainer"]["n_gpus_per_node"]) == (2, 2)
    assert found["trainer"]["logger"] == ["console"]


def test_openrlhf_is_told_by_flags_that_a_shell_keeps_apart(tmp_path: Path) -> None:
    told = emitted(tmp_path, "openrlhf", template="plain", lora={})
    found = flags(told)
    assert (found["--data.input_key"], found["--data.output_key"]) == (["prompt"], ["completion"])
    assert found["--data.apply_chat_template"] == []
    assert (found["--data.max_len"], found["--train.batch_size"]) == (["400"], ["4"])
    assert (found["--lr_scheduler"], found["--min_lr_ratio"]) == (["cosine_with_min_lr"], ["0.0"])
    assert found["--adam.betas"] == ["0.9", "0.95"]
    lines = (tmp_path / "openrlhf" / "run.sh").read_text(encoding="utf-8").split("\n", 4)
    assert tuple(shlex.split(lines[4])) == told.command
    assert "HF_HUB_DISABLE_TELEMETRY=1" in lines[3]


def test_openrlhf_keeps_its_own_word_for_all_linear_layers(tmp_path: Path) -> None:
    """As a flag it would be a list of one name, and peft would look for a layer of that name."""
    assert "--ds.lora.target_modules" not in flags(emitted(tmp_path, "openrlhf", lora={}))
    found = flags(emitted(tmp_path, "openrlhf", force=True, lora={"target_modules": ["q_proj", "v_proj"]}))
    assert found["--ds.lora.target_modules"] == ["q_proj", "v_proj"]


def test_openrlhf_says_that_packing_changes_the_attention(tmp_path: Path) -> None:
    told = emitted(tmp_path, "openrlhf", packing=True, attention="sdpa")
    assert any(note.startswith("attention: with packing") for note in told.notes)


def test_without_max_length_no_stack_cuts_a_row(tmp_path: Path) -> None:
    longest = max(len(json.dumps(row["prompt"] + row["completion"])) for row in rows(24))
    emitted(tmp_path, "llamafactory", max_length=None)
    emitted(tmp_path, "trl-cli", max_length=None)
    assert config(tmp_path, "llamafactory")["cutoff_len"] > longest
    assert config(tmp_path, "trl-cli")["max_length"] is None


@pytest.mark.parametrize("stack", [one for one in STACKS if one != "openrlhf"])
def test_max_steps_ends_a_run_early_and_never_lengthens_it(tmp_path: Path, stack: str) -> None:
    def told(most: int) -> object:
        emitted(tmp_path, stack, max_steps=most, force=True)
        found = config(tmp_path, stack)
        return found["trainer"]["total_training_steps"] if stack == "verl" else found.get("max_steps")

    assert told(5) == 5
    assert told(500) is None


@pytest.mark.parametrize(
    ("stack", "changes", "said"),
    [
        ("megatron", {}, "there are llamafactory, axolotl"),
        ("axolotl", {"base_model": "embedded"}, "GGUF"),
        ("axolotl", {"base_model": "./nowhere"}, "no such folder"),
        ("axolotl", {"packing": True, "max_length": None}, "needs max_length"),
        ("axolotl", {"template": "nowhere.jinja"}, "cannot be read"),
        ("verl", {"epochs": 1.5}, "whole epochs"),
        ("verl", {"batch": 50}, "over the 24 rows"),
        ("openrlhf", {"max_steps": 5}, "no such setting"),
        ("trl-cli", {"batch": 5, "devices": 2}, "cannot be dealt out"),
    ],
)
def test_what_a_stack_cannot_do_is_refused_and_nothing_is_written(
    tmp_path: Path, stack: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        emitted(tmp_path, stack, **changes)
    assert not (tmp_path / stack).exists()


@pytest.mark.parametrize("stack", ["llamafactory", "axolotl", "verl"])
def test_rows_with_turns_that_must_not_be_learned_are_refused(tmp_path: Path, stack: str) -> None:
    row = rows(1)[0]
    row["prompt"] = [*row["prompt"], {"role": "assistant", "content": "hm"}, {"role": "user", "content": "so?"}]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(UsageError, match="learns every assistant turn"):
        emitted(tmp_path, stack, batch=1)


def test_nothing_is_overwritten_without_force_and_nothing_foreign_with_it(tmp_path: Path) -> None:
    emitted(tmp_path, "axolotl")
    first = contents(tmp_path / "axolotl")
    with pytest.raises(UsageError, match="--force"):
        emitted(tmp_path, "axolotl", seed=8)
    assert contents(tmp_path / "axolotl") == first
    (tmp_path / "axolotl" / "mine.txt").write_text("mine", encoding="utf-8")
    emitted(tmp_path, "axolotl", force=True)
    assert contents(tmp_path / "axolotl") == {**first, "mine.txt": b"mine"}


def test_the_command_needs_no_torch_and_prints_what_differs(tmp_path: Path) -> None:
    export(tmp_path / "data")
    (tmp_path / "train.yaml").write_text("base_model: a/b\nbatch: 4\ntrl_args: {neftune_noise_alpha: 5}\n")
    words = ["train", "data", "-c", "train.yaml", "--emit", "axolotl"]
    code = f"import sys; sys.modules['torch'] = None; sys.argv[1:] = {words!r}; from reasonmed.cli import main; main()"
    without = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert without.returncode == 2
    assert "-o DIR" in without.stderr
    code = code.replace("'axolotl']", "'axolotl', '-o', 'out']")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "axolotl train train.yaml --launcher accelerate -- --num_processes 1"
    assert "neftune_noise_alpha" in done.stderr
    assert "neftune_noise_alpha" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("default")  # of packages that are not ours
@pytest.mark.parametrize("lora", [None, {"r": 4, "alpha": 8, "target_modules": ["q_proj", "v_proj"]}])
def test_trl_itself_reads_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lora: dict[str, Any] | None
) -> None:
    pytest.importorskip("trl", reason="needs the extra train: make test-train")
    from trl import SFTConfig, get_peft_config
    from trl.scripts.sft import make_parser

    emitted(tmp_path, "trl-cli", lora=lora, precision="fp32", trl_args={"neftune_noise_alpha": 5}, template="plain")
    monkeypatch.chdir(tmp_path / "trl-cli")
    script, training, model, _ = make_parser().parse_args_and_config(["--config", "train.yaml"])
    assert isinstance(training, SFTConfig)
    assert (training.max_length, training.packing, training.completion_only_loss) == (400, False, True)
    assert (training.num_train_epochs, training.gradient_accumulation_steps, training.warmup_steps) == (2, 4, 3)
    assert (training.neftune_noise_alpha, training.learning_rate, training.max_grad_norm) == (5, 2e-5, 0.5)
    assert Path(training.chat_template_path).is_file()
    assert (model.model_name_or_path, script.dataset_test_split) == ("Qwen/Qwen3-8B", "validation")
    adapters = get_peft_config(model)
    assert (adapters is None) == (lora is None)
    if adapters is not None:
        assert (adapters.r, adapters.target_modules) == (4, {"q_proj", "v_proj"})


@pytest.mark.filterwarnings("default")  # of packages that are not ours
def test_trl_itself_trains_from_what_was_written(tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="needs the extra train: make test-train")
    from tiny_model import tiny_model

    tiny_model(tmp_path / "model")
    own: dict[str, Any] = {"base_model": str(tmp_path / "model"), "precision": "fp32", "learning_rate": 0.01}
    emitted(tmp_path, "trl-cli", **own, epochs=1, max_length=None, trl_args={"use_cpu": True})
    place = Path(sys.executable).parent
    told = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["sh", "run.sh"], cwd=tmp_path / "trl-cli", env=told, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    state = tmp_path / "trl-cli" / "model" / "checkpoint-6" / "trainer_state.json"
    losses = [one["loss"] for one in json.loads(state.read_text())["log_history"] if "loss" in one]
    assert len(losses) == 6
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("stack", STACKS)
def test_a_card_of_it_is_refused_with_the_mend_that_fits(tmp_path: Path, stack: str) -> None:
    from reasonmed.export import About, recard

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
