"""Real training of a tiny random model: what is learned, what resumes, what is refused before any long work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reasonmed.errors import UsageError
from reasonmed.training import settings
from reasonmed.training.record import RECORD
from support import document
from tiny_model import CHATML, curve, export, killed, rows, tiny_model

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of packages that are not ours
]
for _package in ("torch", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")

BASE = "batch: 4\nepochs: 2\nlearning_rate: 0.01\nmicro_batch_tokens: 384\nattention: sdpa\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and an export."""
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = tmp_path_factory.mktemp("training")
    tiny_model(folder / "model")
    export(folder / "data")
    return folder


def prepared(world: Path, text: str = "", data: str = "data") -> Any:
    """A run with the given lines in place of the usual ones."""
    from reasonmed.training.prepare import prepare

    usual = {"base_model": str(world / "model"), **yaml.safe_load(BASE)}
    body = yaml.safe_dump({**usual, **(yaml.safe_load(text) or {})})
    return prepare(world / data, settings.parse(body, "train.yaml", None))


def trained(world: Path, folder: Path, text: str = "") -> dict[str, Any]:
    from reasonmed.training import run as fit

    ready = prepared(world, text)
    assert not fit.open_folder(folder, ready, force=False)
    fit.train(ready, folder, lambda _: None)
    return document(folder / "run.json")


def test_packed_and_padded_training_have_the_same_loss_at_every_step(world: Path, tmp_path: Path) -> None:
    told = [trained(world, tmp_path / str(packed), f"packing: {str(packed).lower()}\n") for packed in (True, False)]
    packed, padded = curve(tmp_path / "True"), curve(tmp_path / "False")
    assert len(packed) == 12
    assert packed == pytest.approx(padded, rel=1e-3)
    assert packed[-1] < packed[0] - 1
    assert [one["layout"]["packed"] for one in told] == [True, False]
    assert told[0]["loss"]["validation"] == pytest.approx(told[1]["loss"]["validation"], rel=1e-3)


def test_the_model_folder_says_how_it_came_about(world: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    told = trained(world, tmp_path / "m", "max_steps: 2\n")
    assert RECORD.read(tmp_path / "m" / "run.json").version == told["version"] == 1
    assert len(told["stems"]) == 24
    assert str(world) not in json.dumps(told), "where things lie on a machine is nobody's business"
    assert {"data", "template", "hardware", "versions", "seeds"} <= told.keys()
    assert (tmp_path / "m" / "loss.svg").read_text(encoding="utf-8").startswith("<svg")
    assert "24 rows" in (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert AutoModelForCausalLM.from_pretrained(tmp_path / "m").num_parameters() == told["base_model"]["parameters"]


def test_adapters_are_trained_and_merged(world: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    told = trained(world, tmp_path / "m", "lora: {r: 4, alpha: 8}\nlearning_rate: 0.05\n")
    assert told["loss"]["last"] < told["loss"]["first"]
    assert (tmp_path / "m" / "adapter" / "adapter_config.json").is_file()
    before, after = (AutoModelForCausalLM.from_pretrained(one) for one in (world / "model", tmp_path / "m"))
    names = [name for name, part in after.named_parameters() if not part.equal(before.get_parameter(name))]
    assert names
    assert all("proj" in name for name in names)


def test_adapters_are_not_merged_where_no_process_has_all_weights(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UsageError, match=r"say lora: \{merge: false\}"):
        prepared(world, "lora: {r: 4}\n")
    assert prepared(world, "lora: {r: 4, merge: false}\n").plan.steps == 12


def command(world: Path, folder: Path, *words: str) -> list[str]:
    file = world / "train.yaml"
    text = f"base_model: {world / 'model'}\n{BASE}epochs: 6\nsave_steps: 3\nevaluate: false\n".replace(
        "epochs: 2\n", ""
    )
    file.write_text(text, encoding="utf-8")
    return [sys.executable, "-m", "reasonmed", "train", str(world / "data"), "-c", str(file), "-o", str(folder), *words]


def test_a_killed_run_resumes_with_the_same_loss_curve(world: Path, tmp_path: Path) -> None:
    subprocess.run(command(world, tmp_path / "whole"), check=True, capture_output=True)
    killed(command(world, tmp_path / "cut"), tmp_path / "cut")
    done = subprocess.run(command(world, tmp_path / "cut"), check=True, capture_output=True, text=True)
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
    assert len(curve(tmp_path / "cut")) == 36
    again = subprocess.run(command(world, tmp_path / "cut"), check=True, capture_output=True, text=True)
    assert "holds the finished model" in again.stderr
    other = subprocess.run(command(world, tmp_path / "cut", "--seed", "5"), check=False, capture_output=True, text=True)
    assert other.returncode == 2
    assert "settings.seed" in other.stderr
    assert "validation" not in done.stdout


def test_a_torn_checkpoint_is_not_taken(tmp_path: Path) -> None:
    from reasonmed.training.checkpoints import last_checkpoint

    for step in (5, 10, 15):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert last_checkpoint(tmp_path) is None
    for step in (5, 10):
        (tmp_path / f"checkpoint-{step}" / "complete").touch()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-10"


def test_two_processes_train_like_one(world: Path, tmp_path: Path) -> None:
    one = command(world, tmp_path / "one")
    subprocess.run(one, check=True, capture_output=True)
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "-m", *command(world, tmp_path / "two")[2:]]
    subprocess.run(launch, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert curve(tmp_path / "two") == pytest.approx(curve(tmp_path / "one"), rel=2e-3)


def test_a_dry_run_shows_lengths_mask_and_memory_and_writes_nothing(world: Path, tmp_path: Path) -> None:
    done = subprocess.run(command(world, tmp_path / "m", "--dry-run"), check=True, capture_output=True, text=True)
    for word in ("p50", "p90", "longest", "left out: 0 rows", "micro-batches", "GiB"):
        assert word in done.stderr
    masked, _, learned = done.stdout.partition("\nwith a loss, ")
    assert "<|im_start|>user" in masked
    assert "<think>" not in masked
    assert "The answer is B.<|im_end|>" in learned
    assert not (tmp_path / "m").exists()


def test_rows_over_the_limit_are_dropped_whole_and_refused_above_one_in_a_hundred(world: Path, tmp_path: Path) -> None:
    export(tmp_path / "data", 200)
    place = tmp_path / "data" / "trl-sft" / "reasonmed" / "train.jsonl"
    long = {**rows(1)[0], "id": "long", "completion": [{"role": "assistant", "content": "word " * 200}]}
    place.write_text(place.read_text(encoding="utf-8") + json.dumps(long) + "\n", encoding="utf-8")
    ready = prepared(world, data=str(tmp_path / "data"))
    assert ready.train.too_long == ["long"]
    assert len(ready.train.kept) == 200
    with pytest.raises(UsageError, match="rows are longer than 100 tokens"):
        prepared(world, "max_length: 100\n", str(tmp_path / "data"))
    with pytest.raises(UsageError, match="over the context"):
        prepared(world, "max_length: 9999\n")


LOSES = CHATML.replace("{{ m['content'] }}", "{{ m['content'].split('</think>')[-1] }}")


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (LOSES, "loses text of the reply"),
        (CHATML.replace("<|im_end|>", ""), "never stop"),
        (CHATML.replace("{% for m in messages %}", "{% for m in messages[:1] %}"), "no token to learn"),
        ("{{ raise_exception('no system role') }}", "refuses a row: no system role"),
        ("{{ broken", "refuses a row"),
    ],
)
def test_a_template_that_would_spoil_the_training_is_refused(
    world: Path, tmp_path: Path, template: str, told: str
) -> None:
    (tmp_path / "t.jinja").write_text(template, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        prepared(world, f"template: {tmp_path / 't.jinja'}\n")


def test_the_plain_template_suits_a_model_without_one(tmp_path: Path) -> None:
    tiny_model(tmp_path / "model", template=None)
    export(tmp_path / "data")
    with pytest.raises(UsageError, match="has no chat template"):
        prepared(tmp_path)
    assert prepared(tmp_path, "template: plain\n").train.learned > 0


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ("nowhere", "there is no such folder"),
        ("data", "has no config.json"),
        ("data/trl-sft/reasonmed/train.jsonl", "no GGUF file"),
        ("empty", "the folder has no weights"),
    ],
)
def test_what_is_no_model_is_said_before_any_work(world: Path, base: str, told: str) -> None:
    (world / "empty").mkdir(exist_ok=True)
    (world / "empty" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        prepared(world, f"base_model: {world / base}\n")


def test_packed_rows_that_would_see_each_other_are_found_out(world: Path, tmp_path: Path) -> None:
    from transformers import LlamaForCausalLM

    from reasonmed.training.methods.sft import make

    ready = prepared(world, "packing: true\n")
    model = LlamaForCausalLM.from_pretrained(world / "model")
    inner = model.model.forward

    def leaking(*words: Any, **others: Any) -> Any:
        return inner(*words, **{**others, "position_ids": None})

    model.model.forward = leaking
    with pytest.raises(UsageError, match="rows would see each other"):
        make(model, ready.ready, tmp_path, lambda _: None)


def test_a_loss_that_is_no_number_ends_the_run(world: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(the loss|the gradient's norm) is .* --override learning_rate="):
        trained(world, tmp_path / "m", "learning_rate: 1.0e+30\nclip: 1.0e+30\nwarmup: 0\n")


def test_unknown_arguments_of_trl_are_named(world: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no_such_argument"):
        trained(world, tmp_path / "m", "trl_args: {no_such_argument: 1}\n")
