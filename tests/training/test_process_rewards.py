"""A process reward model: one label a step and no other loss, learned for real on a tiny model, resumed and refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from reasonmed.backends._step_tokens import LABELS
from reasonmed.training import settings
from reasonmed.training.labeled import Labeled
from tiny_model import labeled, splits, tiny_model

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of packages that are not ours
]
for _package in ("torch", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")

USUAL: dict[str, Any] = {"batch": 8, "epochs": 12, "learning_rate": 0.01, "warmup": 0, "save_steps": 48}


def prepared(base: Path, data: Path, **changes: Any) -> Any:
    from reasonmed.training.prepare import prepare

    body = yaml.safe_dump({"base_model": str(base), "method": "prm", **USUAL, **changes})
    return prepare(data, settings.parse(body, "train.yaml", None))


def trained(base: Path, data: Path, folder: Path, **changes: Any) -> dict[str, Any]:
    from reasonmed.training import run as fit

    ready = prepared(base, data, **changes)
    assert not fit.open_folder(folder, ready, force=False)
    return fit.train(ready, folder, lambda _: None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random model, and chains with planted faults."""
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = tmp_path_factory.mktemp("steps")
    tiny_model(folder / "model")
    splits(folder / "data" / "prm", labeled(64), labeled(48, seed=1))
    return folder


def test_a_label_stands_at_the_last_token_of_each_step_and_nowhere_else() -> None:
    import torch

    from reasonmed.training.step_trainer import Collator

    batch = Collator(pad=9)([Labeled(0, [5, 6, 7, 8], [1, 3], (True, False)), Labeled(1, [5, 6], [1], (False,))])
    none = -100
    assert batch["labels"].tolist() == [[none, 1, none, 0], [none, 0, none, none]]
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8], [5, 6, 9, 9]]
    assert torch.equal(batch["attention_mask"], torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]]))
    assert LABELS[1] == "ok"


def test_planted_faults_are_found_in_chains_that_were_held_out(world: Path, tmp_path: Path) -> None:
    told = trained(world / "model", world / "data", tmp_path / "m")
    found = told["held_out"]
    assert (found["chains"], found["steps"]) == (48, 192)
    assert found["auc"][1] > 0.5, "the lower end"
