"""Trackers that are installed: a training writes its curve into the model folder, and sends nothing anywhere."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from reasonmed.training import settings
from tiny_model import export, tiny_model

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of packages that are not ours
]
for _package in ("torch", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A training of three steps with a tracker, which returns the losses and the folder of the tracker's files."""
    from reasonmed.training import run as fit
    from reasonmed.training.prepare import prepare

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(tmp_path)
    tiny_model(tmp_path / "model", layers=1)
    export(tmp_path / "data", 8)
    for name in ("m", "n"):
        (tmp_path / name).mkdir()
    there = set(tmp_path.iterdir())

    def run(tracker: str, name: str = "m") -> tuple[list[float], Path]:
        if not find_spec(tracker):
            pytest.skip(f"needs {tracker}: pip install {tracker}")
        body = {"base_model": str(tmp_path / "model"), "batch": 4, "max_steps": 3, "report_to": tracker}
        ready = prepare(tmp_path / "data", settings.parse(yaml.safe_dump(body), "train.yaml", None))
        variables, losses = dict(os.environ), list[float]()
        assert not fit.open_folder(tmp_path / name, ready, force=False)
        fit.train(ready, tmp_path / name, lambda logs: losses.extend(float(v) for k, v in logs.items() if k == "loss"))
        left = {name for name, value in os.environ.items() if variables.get(name) != value}
        assert not left & {"TENSORBOARD_LOGGING_DIR", "WANDB_MODE", "WANDB_DIR", "MLFLOW_TRACKING_URI"}
        assert set(tmp_path.iterdir()) == there, "written elsewhere"
        return losses, tmp_path / name / "tracked"

    return run


def test_tensorboard_has_the_loss_of_every_step(trained: Any) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard: pip install tensorboard")
    events_of = import_module("tensorboard.backend.event_processing.event_accumulator").EventAccumulator

    for name in ("m", "n"):
        losses, folder = trained("tensorboard", name)
        events = events_of(str(folder)).Reload().Scalars("train/loss")
        assert [one.step for one in events] == [1, 2, 3]
        assert [one.value for one in events] == pytest.approx(losses, rel=1e-4)


def test_wandb_writes_an_offline_run_and_ends_it(trained: Any) -> None:
    losses, folder = trained("wandb")
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    assert losses
    assert b"train/loss" in file.read_bytes(), "the run was not ended"


def test_mlflow_has_the_loss_of_every_step(trained: Any) -> None:
    for name in ("m", "n"):
        losses, folder = trained("mlflow", name)
        with closing(sqlite3.connect(folder / "mlflow.db")) as found:
            rows = found.execute("SELECT step, value FROM metrics WHERE key = 'loss' ORDER BY step").fetchall()
        assert [step for step, _ in rows] == [1, 2, 3]
        assert [value for _, value in rows] == pytest.approx(losses, rel=1e-4)
