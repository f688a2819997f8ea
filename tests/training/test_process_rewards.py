"""A process reward model: one label a step and no other loss, learned for real on a tiny model, resumed and refused."""

from __future__ import annotations

import asyncio
import json
import os
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from reasonmed.backends._step_tokens import LABELS
from reasonmed.backends.prm import Settings, connect
from reasonmed.errors import RequestRejected, UsageError
from reasonmed.exchange import Message, Request
from reasonmed.training import settings
from reasonmed.training.labeled import Labeled
from reasonmed.training.record import HeldOut, Record
from tiny_model import curve, labeled, splits, tiny_model

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of packages that are not ours
]
for _package in ("torch", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")

USUAL: dict[str, Any] = {"batch": 8, "epochs": 6, "learning_rate": 0.01, "warmup": 0, "save_steps": 40}


def prepared(base: Path, data: Path, **changes: Any) -> Any:
    from reasonmed.training.prepare import prepare

    body = yaml.safe_dump({"base_model": str(base), "method": "prm", **USUAL, **changes})
    return prepare(data, settings.parse(body, "train.yaml", None))


def trained(base: Path, data: Path, folder: Path, **changes: Any) -> Record:
    from reasonmed.training import run as fit

    ready = prepared(base, data, **changes)
    assert not fit.open_folder(folder, ready, force=False)
    told = fit.train(ready, folder, lambda _: None)
    assert told is not None
    return told


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random model, and chains with planted faults."""
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = tmp_path_factory.mktemp("steps")
    tiny_model(folder / "model")
    splits(folder / "data" / "prm", labeled(48), labeled(24, seed=1))
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


def test_chains_without_a_fault_are_refused(world: Path, tmp_path: Path) -> None:
    splits(tmp_path / "prm", [{**labeled(1)[0], "labels": [True] * 4}], [])
    with pytest.raises(UsageError, match="all 4 steps are ok, so there is nothing to tell apart"):
        prepared(world / "model", tmp_path)


def test_planted_faults_are_found_in_chains_that_were_held_out(world: Path, tmp_path: Path) -> None:
    told = trained(world / "model", world / "data", tmp_path / "m")
    found = told.held_out
    assert isinstance(found, HeldOut)
    assert (found.chains, found.steps) == (24, 96)
    assert found.auc is not None
    assert found.auc[1] > 0.5, "the lower end of the interval is over chance"
    assert found.accuracy is not None
    assert told.watched["right_steps"].validation == pytest.approx(found.accuracy[0])
    assert "| steps, held out | AUC " in (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert not list((tmp_path / "m").glob("*.bin")), "safetensors alone"
    settings_ = Settings(backend="prm", model=str(tmp_path / "m"))
    settings_.ready()
    asyncio.run(_asked(settings_))


async def _asked(entry: Settings) -> None:
    """The back end gives each chain what it would give it alone, and a planted fault the least."""
    backend = connect(entry, 1)
    rows = labeled(6, seed=2)
    alone = [json.loads((await backend.complete(_request(row))).text) for row in rows]
    together = await asyncio.gather(*(backend.complete(_request(row)) for row in rows))
    assert [json.loads(one.text) for one in together] == alone
    sound = [chance for row, one in zip(rows, alone, strict=True) for chance in _of(row, one, ok=True)]
    faulty = [chance for row, one in zip(rows, alone, strict=True) for chance in _of(row, one, ok=False)]
    assert sum(sound) / len(sound) > sum(faulty) / len(faulty) + 0.3
    with pytest.raises(RequestRejected, match=r"it is too long|context"):
        await backend.complete(_request({**rows[0], "completions": ["word " * 200]}))
    with pytest.raises(RequestRejected, match="labels steps and writes nothing"):
        await backend.complete(Request(model="m", messages=(Message("user", "Hello"),)))
    await backend.aclose()


def _request(row: dict[str, Any]) -> Request:
    asked = Message("user", row["prompt"][0]["content"])
    said = Message("assistant", "".join(row["completions"]))
    ends = list(accumulate(map(len, row["completions"])))
    return Request(model="m", messages=(asked, said), extra_body={"steps": ends})


def _of(row: dict[str, Any], chances: list[float], *, ok: bool) -> list[float]:
    return [chance for chance, label in zip(chances, row["labels"], strict=True) if label == ok]


def test_adapters_and_balance_learn_and_are_saved_as_one_whole_model(world: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"lora": {"r": 8}, "balance": True, "epochs": 4, "learning_rate": 0.02}
    told = trained(world / "model", world / "data", tmp_path / "m", **changes)
    assert told.loss.last is not None
    assert told.loss.first is not None
    assert told.loss.last < told.loss.first
    assert isinstance(told.held_out, HeldOut)
    assert told.held_out.auc is not None
    assert told.held_out.auc[0] > 0.5
    assert (tmp_path / "m" / "adapter" / "adapter_config.json").is_file()
    Settings(backend="prm", model=str(tmp_path / "m")).ready()


def test_a_run_that_stopped_resumes_with_the_same_loss_curve(world: Path, tmp_path: Path) -> None:
    from reasonmed.training import run as fit

    changes: dict[str, Any] = {"save_steps": 2, "max_steps": 6, "evaluate": False}
    trained(world / "model", world / "data", tmp_path / "whole", **changes)
    ready = prepared(world / "model", world / "data", **changes)
    fit.open_folder(tmp_path / "cut", ready, force=False)

    def stop(logs: Mapping[str, float | str]) -> None:
        if logs.get("step") == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit.train(ready, tmp_path / "cut", stop)
    trained(world / "model", world / "data", tmp_path / "cut", **changes)
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
    assert len(curve(tmp_path / "cut")) == 6
