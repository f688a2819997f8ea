"""Training by preferences (DPO) and by rewards (GRPO), for real on a tiny model: what is learned, resumed, refused."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reasonmed.errors import UsageError
from reasonmed.training import settings
from reasonmed.training.lineage import lineage, weights_of
from support import document
from tiny_model import CHATML, curve, export, keyed, killed, pairs, rows, splits, tiny_model

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of packages that are not ours
]
for _package in ("torch", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")

USUAL: dict[str, dict[str, Any]] = {
    "sft": {"batch": 8, "epochs": 30, "learning_rate": 0.01, "warmup": 0},
    "dpo": {"batch": 4, "epochs": 2, "learning_rate": 0.005},
    "grpo": {"batch": 4, "epochs": 2, "learning_rate": 0.003, "rollouts": {"replies": 4, "max_tokens": 16}},
}
REPLIES = ("Answer: A", "Answer: B")


def prepared(base: Path, data: Path, method: str, **changes: Any) -> Any:
    from reasonmed.training.prepare import prepare

    body = yaml.safe_dump({"base_model": str(base), "method": method, **USUAL[method], **changes})
    return prepare(data, settings.parse(body, "train.yaml", None))


def trained(base: Path, data: Path, folder: Path, method: str, **changes: Any) -> dict[str, Any]:
    from reasonmed.training import run as fit

    ready = prepared(base, data, method, **changes)
    assert not fit.open_folder(folder, ready, force=False)
    fit.train(ready, folder, lambda _: None)
    return document(folder / "run.json")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random model, an export, and a model that answers A as often as B, whatever is asked."""
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = tmp_path_factory.mktemp("preferences")
    tiny_model(folder / "model")
    export(folder / "data")
    mixed = [
        {**row, "completion": [{"role": "assistant", "content": REPLIES[place % 2]}]}
        for place, row in enumerate(rows(32))
    ]
    splits(folder / "mixed" / "trl-sft" / "reasonmed", mixed, [])
    told = trained(folder / "model", folder / "mixed", folder / "guesses", "sft")
    assert told["loss"]["last"] < 0.15
    return folder


def test_a_preference_is_learned_from_the_model_as_it_is(world: Path, tmp_path: Path) -> None:
    told = trained(world / "model", world / "data", tmp_path / "m", "dpo")
    assert told["loss"]["first"] == pytest.approx(math.log(2), abs=1e-5), "at first the model is its own reference"
    assert told["loss"]["last"] < 0.5
    assert told["watched"]["rewards/accuracies"]["validation"] > 0.5
    assert told["method"] == "dpo"
    assert told["data"]["kind"] == "pairs"
    assert len(told["stems"]) == 24
    assert (tmp_path / "m" / "watched.svg").is_file()
    assert "| chosen is preferred |" in (tmp_path / "m" / "README.md").read_text(encoding="utf-8")


def test_adapters_learn_a_preference_against_the_base_without_them(world: Path, tmp_path: Path) -> None:
    told = trained(world / "model", world / "data", tmp_path / "m", "dpo", lora={"r": 8}, learning_rate=0.05, epochs=3)
    assert told["loss"]["first"] == pytest.approx(math.log(2), abs=1e-5)
    assert told["loss"]["last"] < 0.6
    assert (tmp_path / "m" / "adapter" / "adapter_config.json").is_file()


def test_the_questions_of_every_training_before_are_recorded_too(world: Path, tmp_path: Path) -> None:
    told = trained(world / "guesses", world / "data", tmp_path / "m", "dpo", lora={"r": 8}, max_steps=1)
    assert len(told["stems"]) == 32, "those of both trainings"
    for place in (tmp_path / "m", tmp_path / "m" / "adapter"):
        found = lineage(place)
        assert found.stems == frozenset(row["stem"] for row in rows(32))
        assert found.whole
        assert found.base_weights == weights_of(world / "guesses")
    assert len(told["trainings"]) == 2


def test_a_reward_is_learned(world: Path, tmp_path: Path) -> None:
    told = trained(world / "guesses", world / "data", tmp_path / "m", "grpo")
    earned = told["watched"]["reward"]
    assert 0.1 < earned["first"] < 0.9
    assert earned["last"] > max(earned["first"], 0.9)
    assert earned["validation"] > 0.9
    assert told["data"]["kind"] == "questions"
    assert len(told["stems"]) == 32, "the 24 of these questions are among the 32 that the base was trained on"
    assert "tokens_per_second" not in told["measured"]


def test_a_reply_that_is_cut_earns_nothing_whatever_it_says(world: Path, tmp_path: Path) -> None:
    told = trained(
        world / "guesses", world / "data", tmp_path / "m", "grpo", rollouts={"replies": 4, "max_tokens": 9}, max_steps=2
    )
    assert len(REPLIES[1]) == 9, "one token a letter: the key is said, and the end is cut"
    cut, earned = (told["watched"][name]["first"] for name in ("completions/clipped_ratio", "reward"))
    assert cut > 0.8
    assert earned <= 1 - cut, "what was not cut may have earned something"


@pytest.mark.parametrize("method", ["dpo", "grpo"])
def test_a_killed_run_resumes_with_the_same_loss_curve(world: Path, tmp_path: Path, method: str) -> None:
    base = world / ("guesses" if method == "grpo" else "model")
    body = {"base_model": str(base), "method": method, **USUAL[method], "save_steps": 2, "evaluate": False}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")

    def command(folder: str) -> list[str]:
        words = [str(world / "data"), "-c", str(tmp_path / "train.yaml"), "-o", str(tmp_path / folder)]
        return [sys.executable, "-m", "reasonmed", "train", *words]

    subprocess.run(command("whole"), check=True, capture_output=True)
    killed(command("cut"), tmp_path / "cut")
    subprocess.run(command("cut"), check=True, capture_output=True)
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
    assert len(curve(tmp_path / "cut")) == 12


def test_a_pair_goes_whole_when_one_of_its_replies_is_too_long(world: Path, tmp_path: Path) -> None:
    made = pairs(200)
    made[7] = {**made[7], "rejected": [{"role": "assistant", "content": "word " * 90}]}
    splits(tmp_path / "dpo", made, [])
    ready = prepared(world / "model", tmp_path, "dpo")
    assert ready.train.too_long == [made[7]["id"]]
    assert len(ready.train.kept) == 199
    with pytest.raises(UsageError, match="rows are longer than 100 tokens"):
        prepared(world / "model", tmp_path, "dpo", max_length=100)


def test_a_template_that_loses_text_of_a_rejected_reply_is_refused(world: Path, tmp_path: Path) -> None:
    loses = CHATML.replace("{{ m['content'] }}", "{{ m['content'].split('hence A')[0] }}")
    (tmp_path / "t.jinja").write_text(loses, encoding="utf-8")
    with pytest.raises(UsageError, match="loses text of the reply"):
        prepared(world / "model", world / "data", "dpo", template=str(tmp_path / "t.jinja"))


@pytest.mark.parametrize(
    ("method", "change", "told"),
    [
        ("dpo", {"rejected": pairs(1)[0]["chosen"]}, "are the same"),
        ("dpo", {"chosen": []}, "chosen is empty"),
        ("dpo", {"rejected": [{"role": "user", "content": "x"}]}, "rejected ends with the role 'user'"),
        ("dpo", {"prompt": []}, "prompt is empty"),
        ("grpo", {"answer": "D"}, "the key 'D' is not one of A, B, C"),
        ("grpo", {"answer": "b"}, "the key 'b'"),
        ("grpo", {"options": []}, "no options"),
    ],
)
def test_a_row_that_would_teach_something_false_is_refused(
    world: Path, tmp_path: Path, method: str, change: dict[str, Any], told: str
) -> None:
    row = (pairs if method == "dpo" else keyed)(1)[0]
    path = tmp_path / "train.jsonl"
    path.write_text(json.dumps({**row, **change}), encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        prepared(world / "model", path, method)


@pytest.mark.parametrize(("method", "wanted"), [("dpo", "--format dpo"), ("grpo", "--format rl")])
def test_rows_of_another_method_are_named_with_the_command_that_writes_the_right_ones(
    world: Path, tmp_path: Path, method: str, wanted: str
) -> None:
    splits(tmp_path / "rows", rows(3), [])
    with pytest.raises(UsageError, match=wanted):
        prepared(world / "model", tmp_path / "rows", method)
    with pytest.raises(UsageError, match=wanted):
        prepared(world / "model", tmp_path, method)


def test_what_cannot_be_done_is_said_before_any_work(world: Path) -> None:
    with pytest.raises(UsageError, match="24; say batch: 24 or less"):
        prepared(world / "model", world / "data", "grpo", batch=64)
    with pytest.raises(UsageError, match="longer than 512 tokens"):
        prepared(world / "model", world / "data", "grpo", rollouts={"replies": 4, "max_tokens": 600})


@pytest.mark.parametrize("method", ["dpo", "grpo"])
def test_a_long_run_on_a_gpu_is_padded_and_of_one_size(world: Path, method: str) -> None:
    from reasonmed.training.memory import Device
    from reasonmed.training.methods import METHODS, Model

    gpu = Device("cuda", "NVIDIA H100 80GB HBM3", 80 * 2**30, bf16=True)
    ready = prepared(world / "model", world / "data", method, batch=64 if method == "dpo" else 8)
    model = Model(ready.model.config, 1_000_000_000)
    choice, plan = METHODS[method].lay(ready.settings, model, (ready.train.kept * 10_000, []), gpu)
    assert (choice.attention, choice.packed, choice.compiled) == ("sdpa", False, False)
    wanted = 64 if method == "dpo" else 8 * ready.settings.rollouts.replies
    assert wanted % plan.accumulation == 0
    states = 18 * model.parameters
    reference = 4 * model.parameters if method == "dpo" else 0
    assert choice.memory.states >= states + reference


def test_a_dry_run_shows_the_pair_or_the_question_with_its_key(world: Path, tmp_path: Path) -> None:
    for method, words in (("dpo", ("chosen, ", "rejected, ", "hence A")), ("grpo", ("earns 1", "B. Anemia"))):
        (tmp_path / "t.yaml").write_text(f"base_model: {world / 'model'}\nmethod: {method}\n", encoding="utf-8")
        told = [sys.executable, "-m", "reasonmed", "train", str(world / "data"), "-c", str(tmp_path / "t.yaml")]
        rollouts = {"method": method, "base_model": str(world / "model"), "batch": 4, "rollouts": {"max_tokens": 64}}
        (tmp_path / "t.yaml").write_text(yaml.safe_dump(rollouts), encoding="utf-8")
        done = subprocess.run([*told, "--dry-run"], check=True, capture_output=True, text=True)
        assert all(word in done.stdout for word in words), done.stdout
        assert f"for {method}" in done.stderr
