"""Accuracy on validation questions while a model is trained, and the best checkpoint as the model."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from reasonmed.errors import RecipeError, UsageError
from reasonmed.training import settings
from support import document
from tiny_model import keyed, rows, splits, tiny_model

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of packages that are not ours
]
for _package in ("torch", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and rows that all answer B."""
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = tmp_path_factory.mktemp("accuracy")
    tiny_model(folder / "model")
    said = [{**row, "completion": [{"role": "assistant", "content": "Answer: B"}]} for row in rows(16)]
    splits(folder / "data" / "trl-sft" / "reasonmed", said, said[:4])
    splits(folder / "data" / "rl" / "trl-grpo", keyed(16), keyed(6, seed=1))
    return folder


def prepared(world: Path, data: Path | None = None, **changes: Any) -> Any:
    from reasonmed.training.prepare import prepare

    body = {
        "base_model": str(world / "model"), "batch": 8, "epochs": 10, "learning_rate": 0.01, "warmup": 0,
        "accuracy": {"questions": 5, "max_tokens": 16}, "save_steps": 10, **changes,
    }  # fmt: skip
    return prepare(data or world / "data", settings.parse(yaml.safe_dump(body), "train.yaml", None))


def test_accuracy_is_measured_at_every_checkpoint_and_the_best_one_becomes_the_model(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    from reasonmed.training import accuracy, careful
    from reasonmed.training import run as fit

    plain, kept = accuracy.measured, {}

    def watched(trainer: Any, asked: Any) -> float:
        found = plain(trainer, asked)
        kept[trainer.state.global_step] = next(trainer.model.parameters()).detach().clone()
        return found if trainer.state.global_step < 20 else found - 0.5

    monkeypatch.setattr(careful, "measured", watched)
    ready, told = prepared(world, best="accuracy"), list[Any]()
    fit.open_folder(tmp_path / "m", ready, force=False)
    fit.train(ready, tmp_path / "m", told.append)
    record = document(tmp_path / "m" / "run.json")
    assert record["accuracy"]["questions"] == 5
    assert list(record["accuracy"]["steps"]) == ["10", "20"]
    first, last = record["accuracy"]["steps"].values()
    assert first > last
    assert record["best"] == {"step": 10, "by": "accuracy", "value": first}
    assert [one["step"] for one in told if "eval_accuracy" in one] == [10, 20]
    assert sorted(one.name for one in (tmp_path / "m" / "checkpoints").iterdir()) == ["checkpoint-10", "checkpoint-20"]
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "m")
    assert next(model.parameters()).equal(kept[10])
    assert "the model is the checkpoint of step 10" in (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    curve = [json.loads(line) for line in (tmp_path / "m" / "loss.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sum("eval_accuracy" in one for one in curve) == 2


def test_a_model_that_learns_the_answer_has_it_measured(world: Path, tmp_path: Path) -> None:
    from reasonmed.training import run as fit

    ready = prepared(world, epochs=20, save_steps=40)
    fit.open_folder(tmp_path / "m", ready, force=False)
    record = fit.train(ready, tmp_path / "m", lambda _: None)
    assert record is not None
    assert record.accuracy is not None
    assert record.accuracy.last == 1.0


def test_what_cannot_be_measured_is_refused(world: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="best: accuracy needs `accuracy`"):
        prepared(world, best="accuracy", accuracy=None)
    with pytest.raises(RecipeError, match="best: loss needs evaluate"):
        prepared(world, best="loss", evaluate=False)
    splits(tmp_path / "trl-sft" / "reasonmed", rows(8), [])
    with pytest.raises(UsageError, match="rl/trl-grpo"):
        prepared(world, tmp_path)
    with pytest.raises(UsageError, match="best: loss needs validation rows"):
        prepared(world, tmp_path, best="loss", accuracy=None)
