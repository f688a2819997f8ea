"""What would end a run later is known in a dry run, in words, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from reasonmed.cli import app
from reasonmed.errors import UsageError
from reasonmed.training import settings
from support import document
from tiny_model import export, rows, splits, tiny_model

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of packages that are not ours
]
for _package in ("torch", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and an export."""
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = tmp_path_factory.mktemp("early")
    tiny_model(folder / "model", layers=1)
    export(folder / "data", 8)
    return folder


def prepared(world: Path, data: Path | None = None, **changes: Any) -> Any:
    from reasonmed.training.prepare import prepare

    body = {"base_model": str(world / "model"), "batch": 4, "max_steps": 2, **changes}
    return prepare(data or world / "data", settings.parse(yaml.safe_dump(body), "train.yaml", None))


@pytest.mark.parametrize("package", ["tensorboard", "wandb", "mlflow"])
def test_a_tracker_that_is_not_installed_is_named_with_its_package(world: Path, package: str) -> None:
    if find_spec(package):
        pytest.skip("installed here")
    with pytest.raises(UsageError, match=f"report_to: {package} needs the package {package}: pip install {package}"):
        prepared(world, report_to=package)


def test_mlflow_without_a_database_to_write_into_is_not_enough(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_spec("sqlalchemy"):
        pytest.skip("sqlalchemy is installed here")
    (tmp_path / "mlflow.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UsageError, match="report_to: mlflow needs the package sqlalchemy: pip install mlflow, or say"):
        prepared(world, report_to="mlflow")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"report_to": "no_such_tracker"}, "no_such_tracker"),
        ({"trl_args": {"optim": "adamw_bnb_8bit"}}, "optim: adamw_bnb_8bit needs the package bitsandbytes"),
        ({"trl_args": {"optim": "paged_adamw_32bit"}}, "needs the package bitsandbytes"),
        ({"trl_args": {"optim": "no_such_optimizer"}}, "no_such_optimizer"),
        ({"trl_args": {"no_such_argument": 1}}, "no_such_argument"),
        ({"trl_args": {"assistant_only_loss": True}}, "only the reply is learned"),
        ({"lora": {"r": 4, "target_modules": ["q_proj", "nope"]}}, "no layer nope; it has .*q_proj"),
        ({"lora": {"r": 4, "target_modules": "nope.*"}}, "lora.target_modules: .*nope"),
        ({"max_length": 60}, "rows are longer than 60 tokens, the max_length .*Raise `max_length:`"),
    ],
)
def test_settings_that_cannot_work_are_said_before_any_work(world: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(Exception, match=told) as error:
        prepared(world, **changes)
    assert getattr(error.value, "exit_code", None) == 2


def test_no_advice_to_raise_max_length_where_the_context_is_the_limit(world: Path, tmp_path: Path) -> None:
    splits(tmp_path / "trl-sft" / "reasonmed", [{**one, "completion": [{"role": "assistant", "content": "word " * 200}]}
                                               for one in rows(4)], [])  # fmt: skip
    with pytest.raises(UsageError, match=r"512 tokens, the model's context") as error:
        prepared(world, tmp_path)
    assert "Raise" not in str(error.value)


def test_validation_rows_over_the_limit_are_known_before_any_work(world: Path, tmp_path: Path) -> None:
    long = [{**one, "completion": [{"role": "assistant", "content": "word " * 200}]} for one in rows(3)]
    splits(tmp_path / "trl-sft" / "reasonmed", rows(8), long)
    with pytest.raises(UsageError, match="3 of 3 validation rows are longer than 512 tokens"):
        prepared(world, tmp_path)
    assert prepared(world, tmp_path, evaluate=False).validation is None


def damaged(folder: Path, kind: str) -> None:
    weights = folder / "model.safetensors"
    if kind == "none":
        weights.unlink()
    elif kind == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif kind == "head":
        weights.write_bytes(weights.read_bytes()[:5])
    elif kind == "garbage":
        weights.write_bytes(b"\x10" + b"\0" * 7 + b"not json at all " + b"\0" * 100)
    else:
        index = {"weight_map": {"a": "model-00002-of-00002.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("none", "has no weights"),
        ("cut", "model.safetensors is not whole: it has .* of .* bytes"),
        ("head", "is not whole"),
        ("garbage", "its header cannot be read"),
        ("index", "names model-00002-of-00002.safetensors, which is not in the folder"),
    ],
)
def test_weights_that_are_missing_or_cut_are_known_in_a_dry_run(
    world: Path, tmp_path: Path, kind: str, told: str
) -> None:
    shutil.copytree(world / "model", tmp_path / "m")
    damaged(tmp_path / "m", kind)
    with pytest.raises(UsageError, match=told):
        prepared(world, base_model=str(tmp_path / "m"))


def test_weights_that_lack_a_part_are_not_trained_with_a_random_one(world: Path, tmp_path: Path) -> None:
    from reasonmed.training import run as fit

    shutil.copytree(world / "model", tmp_path / "m")
    weights = pytest.importorskip("safetensors.torch", reason="comes with the extra train")
    parts = weights.load_file(tmp_path / "m" / "model.safetensors")
    parts.pop("model.layers.0.self_attn.q_proj.weight")
    weights.save_file(parts, tmp_path / "m" / "model.safetensors", metadata={"format": "pt"})
    ready = prepared(world, base_model=str(tmp_path / "m"))
    fit.open_folder(tmp_path / "out", ready, force=False)
    with pytest.raises(UsageError, match="lack 1 parts of the model"):
        fit.train(ready, tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()


def test_a_dry_run_names_the_end_and_the_rows_with_control_tokens(world: Path, tmp_path: Path) -> None:
    bad = {**rows(1)[0], "id": "bad", "completion": [{"role": "assistant", "content": "B <|im_start|>"}]}
    splits(tmp_path / "data" / "trl-sft" / "reasonmed", [*rows(120), bad], [])
    file = tmp_path / "train.yaml"
    file.write_text(yaml.safe_dump({"base_model": str(world / "model"), "batch": 4}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "reasonmed", "train", str(tmp_path / "data"), "-c", str(file), "--dry-run"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert "replies end with <|im_end|>" in done.stderr
    assert "1 with control tokens in their texts" in done.stderr
    assert "bad: <|im_start|>" in done.stderr


def test_an_override_is_one_of_three_settings(world: Path, tmp_path: Path) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(yaml.safe_dump({"base_model": str(world / "model"), "batch": 4}), encoding="utf-8")
    words = ["train", str(world / "data"), "-c", str(file), "--dry-run", "--override"]
    for wrong, told in (("seed=3", "learning_rate, clip, precision"), ("learning_rate=x", "learning_rate")):
        ended = CliRunner().invoke(app, [*words, wrong])
        assert told in str(ended.exception)


def test_what_a_base_model_was_trained_on_is_in_the_record_of_the_next_training(world: Path, tmp_path: Path) -> None:
    from reasonmed.evaluation import of_folder
    from reasonmed.training import run as fit

    def trained(name: str, base: Path, first: int, **changes: Any) -> dict[str, Any]:
        found = [{**one, "stem": f"{place + first:032x}"} for place, one in enumerate(rows(4))]
        splits(tmp_path / f"data-{name}" / "trl-sft" / "reasonmed", found, [])
        ready = prepared(world, tmp_path / f"data-{name}", base_model=str(base), max_steps=1, **changes)
        fit.open_folder(tmp_path / name, ready, force=False)
        fit.train(ready, tmp_path / name, lambda _: None)
        return document(tmp_path / name / "run.json")

    trained("one", world / "model", 0)
    trained("two", tmp_path / "one", 100)
    told = trained("three", tmp_path / "two", 200, lora={"r": 4})
    assert len(told["stems"]) == 12
    assert [one["base"] for one in told["trainings"]] == ["two", "one", "model"]
    for place in ("three", "three/adapter"):
        assert len(of_folder(tmp_path / place).stems or ()) == 12
    record = json.loads((tmp_path / "two" / "run.json").read_text(encoding="utf-8"))
    unknown = [{**one, "stems": None, "whole": False} for one in record["trainings"]]
    (tmp_path / "two" / "run.json").write_text(json.dumps({**record, "trainings": unknown}), encoding="utf-8")
    assert trained("four", tmp_path / "two", 300)["stems"] is None, "a base with unknown questions leaves them unknown"


def test_checkpoints_of_a_run_are_models_with_what_their_run_was_trained_on(world: Path, tmp_path: Path) -> None:
    from reasonmed.evaluation import candidates
    from reasonmed.training import run as fit

    ready = prepared(world, save_steps=1, keep_checkpoints=2)
    fit.open_folder(tmp_path / "m", ready, force=False)
    fit.train(ready, tmp_path / "m", lambda _: None)
    for _ in range(2):  # with the record of a finished run, and of one that has only begun
        found = candidates(str(tmp_path / "m" / "checkpoints"))
        assert [one.name for one in found] == ["m@1", "m@2"]
        assert all(len(one.stems or ()) == 8 and one.base == "model" for one in found)
        (tmp_path / "m" / "run.json").unlink(missing_ok=True)
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(UsageError, match="no whole checkpoint"):
        candidates(str(tmp_path / "checkpoints"))
