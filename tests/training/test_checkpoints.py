"""Checkpoints and the model folder: what is kept, what replaces it, who may write, what a refused start leaves."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reasonmed.errors import ReasonMedError, RunDirectoryError, StorageFailed, UsageError
from reasonmed.training import record, settings
from reasonmed.training.checkpoints import COMPLETE, newest, rotate, seal, torn
from support import document
from tiny_model import curve, export, tiny_model

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of packages that are not ours
]
for _package in ("torch", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")

USUAL = {
    "batch": 8, "epochs": 4, "learning_rate": 0.01, "micro_batch_tokens": 512, "attention": "sdpa", "evaluate": False,
    "save_steps": 3, "keep_checkpoints": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and an export."""
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = tmp_path_factory.mktemp("checkpoints")
    tiny_model(folder / "model", layers=1)
    export(folder / "data")
    return folder


def prepared(world: Path, **changes: Any) -> Any:
    from reasonmed.training.prepare import prepare

    body = yaml.safe_dump({"base_model": str(world / "model"), **USUAL, **changes})
    return prepare(world / "data", settings.parse(body, "train.yaml", None))


def trained(world: Path, folder: Path, *, told: list[str] | None = None, **changes: Any) -> dict[str, Any]:
    from reasonmed.training import run as fit

    force, overrides = changes.pop("force", False), changes.pop("overrides", {})
    ready = prepared(world, **{**changes, **overrides})
    assert not fit.open_folder(folder, ready, force=force, overrides=overrides)
    logs: list[Any] = []
    try:
        fit.train(ready, folder, logs.append)
        return document(folder / "run.json")
    finally:
        if told is not None:
            told += [one["remark"] for one in logs if "remark" in one]


class Spoiled(Exception):
    pass


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Do something to the trainer before it saves at a step."""
    from reasonmed.training.careful import Careful

    plain = Careful._save_checkpoint  # noqa: SLF001 - where a trainer saves

    def set_(step: int, act: Any, *, after: bool = False) -> None:
        def save(self: Any, *what: Any) -> None:
            if self.state.global_step == step and not after:
                act(self)
            plain(self, *what)
            if self.state.global_step == step and after:
                act(self)

        monkeypatch.setattr(Careful, "_save_checkpoint", save)

    yield set_
    monkeypatch.undo()


def ended(_: Any) -> None:
    raise Spoiled


def steps(folder: Path) -> list[int]:
    return sorted(int(one.name.split("-")[1]) for one in (folder / "checkpoints").iterdir())


def test_a_checkpoint_with_a_cut_file_is_torn_and_the_one_before_is_newest(tmp_path: Path) -> None:
    for step in (5, 10):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "optimizer.pt").write_bytes(b"x" * 90)
        seal(tmp_path / f"checkpoint-{step}")
    assert newest(tmp_path) == (tmp_path / "checkpoint-10", [])
    (tmp_path / "checkpoint-10" / "optimizer.pt").write_bytes(b"x" * 40)
    found, (remark,) = newest(tmp_path)
    assert found == tmp_path / "checkpoint-5"
    assert "optimizer.pt has 40 of 90 bytes" in remark
    rotate(tmp_path, 1)
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint-5"]


def test_weights_that_are_no_numbers_do_not_replace_a_good_checkpoint_and_a_lower_rate_resumes(
    world: Path, tmp_path: Path, at_step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(trainer: Any) -> None:
        next(trainer.model.parameters()).data[0, 0] = float("nan")

    at_step(6, spoil)
    with pytest.raises(UsageError, match=r"a weight is no number at step 6; the checkpoint of step 3 is kept"):
        trained(world, tmp_path / "m", keep_checkpoints=1)
    assert steps(tmp_path / "m") == [3]
    monkeypatch.undo()
    with pytest.raises(UsageError, match=r"resume with --override learning_rate=0.001"):
        trained(world, tmp_path / "m", keep_checkpoints=1, learning_rate=0.001)
    told = trained(world, tmp_path / "m", keep_checkpoints=1, overrides={"learning_rate": 0.001})
    assert told["overrides"] == [{"checkpoint": "checkpoint-3", "learning_rate": [0.01, 0.001]}]
    assert told["settings"]["learning_rate"] == 0.001
    rates = [json.loads(line)["learning_rate"] for line in (tmp_path / "m" / "loss.jsonl").read_text().splitlines()]
    assert max(rates[:3]) > 0.005
    assert 0 < max(rates[3:]) <= 0.001


def test_a_checkpoint_after_which_no_step_was_good_gives_way_to_the_one_before(
    world: Path, tmp_path: Path, at_step: Any
) -> None:
    def spoil(trainer: Any) -> None:
        next(trainer.model.parameters()).data[:] = float("nan")

    at_step(6, spoil, after=True)
    with pytest.raises(UsageError, match=r"at step 7; the checkpoint of step 3 is kept"):
        trained(world, tmp_path / "m", keep_checkpoints=1)


def test_a_validation_loss_that_is_no_number_ends_the_run_before_the_checkpoint(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reasonmed.training.careful import Careful

    plain = Careful.log

    def log(self: Any, logs: dict[str, float], *others: Any) -> None:
        if "eval_loss" in logs and self.state.global_step == 6:
            logs["eval_loss"] = float("inf")
        plain(self, logs, *others)

    monkeypatch.setattr(Careful, "log", log)
    with pytest.raises(UsageError, match=r"the validation loss is inf at step 6; the checkpoint of step 3 is kept"):
        trained(world, tmp_path / "m", evaluate=True, keep_checkpoints=1)
    assert steps(tmp_path / "m") == [3]


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth"])
def test_a_cut_file_of_the_newest_checkpoint_falls_back_to_the_one_before_and_says_so(
    world: Path, tmp_path: Path, at_step: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    at_step(9, ended)
    with pytest.raises(Spoiled):
        trained(world, tmp_path / "m")
    assert steps(tmp_path / "m") == [3, 6]
    cut = tmp_path / "m" / "checkpoints" / "checkpoint-6" / name
    cut.write_bytes(cut.read_bytes()[:-7])
    monkeypatch.undo()
    told: list[str] = []
    assert trained(world, tmp_path / "m", told=told)["layout"]["steps"] == 12
    (remark,) = told
    assert "checkpoint-6 is torn" in remark
    assert "resuming from checkpoint-3" in remark
    assert len(curve(tmp_path / "m")) == 12


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt"])
def test_a_damaged_checkpoint_of_the_right_size_is_said_and_not_taken_again(
    world: Path, tmp_path: Path, at_step: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    at_step(9, ended)
    with pytest.raises(Spoiled):
        trained(world, tmp_path / "m")
    damaged = tmp_path / "m" / "checkpoints" / "checkpoint-6" / name
    damaged.write_bytes(b"\xff" * damaged.stat().st_size)
    monkeypatch.undo()
    with pytest.raises(UsageError, match="checkpoint-6 is damaged"):
        trained(world, tmp_path / "m")
    assert trained(world, tmp_path / "m")["layout"]["steps"] == 12


def test_the_checkpoint_before_goes_only_after_the_marker_of_the_next_is_written(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reasonmed.training import checkpoints

    plain, seen = checkpoints.rotate, []

    def watched(folder: Path, *others: Any) -> None:
        seen.append([torn(one) for one in folder.glob("checkpoint-*")])
        plain(folder, *others)

    monkeypatch.setattr(checkpoints, "rotate", watched)
    trained(world, tmp_path / "m", keep_checkpoints=1)
    assert [None, None] in seen
    assert all(problem is None for found in seen for problem in found)
    assert steps(tmp_path / "m") == [12]


def test_a_second_training_of_a_folder_is_refused_while_the_first_one_runs(world: Path, tmp_path: Path) -> None:
    from reasonmed.training import folder as folders

    ready = prepared(world)
    assert not folders.open_folder(tmp_path / "m", ready, force=False)
    code = "import fcntl, sys\nwith open(sys.argv[1]) as file:\n    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    held = subprocess.run([sys.executable, "-c", code, str(tmp_path / "m" / folders.LOCK)], capture_output=True)  # noqa: PLW1510
    assert b"BlockingIOError" in held.stderr
    with pytest.raises(RunDirectoryError, match=rf"in use by pid {os.getpid()}"):
        folders.open_folder(tmp_path / "m", ready, force=True)
    folders.release(tmp_path / "m")
    assert not folders.open_folder(tmp_path / "m", ready, force=False)
    folders.withdraw(tmp_path / "m")


def test_force_removes_all_of_an_older_training_also_where_its_record_is_torn(world: Path, tmp_path: Path) -> None:
    from reasonmed.training import folder as folders

    place = tmp_path / "m"
    (place / "adapter").mkdir(parents=True)
    for name in ("adapter_config.json", "model-00001-of-00002.safetensors", "adapter/run.json"):
        (place / name).write_text("{}", encoding="utf-8")
    (place / record.STARTED).write_text('{"data": ', encoding="utf-8")
    with pytest.raises(UsageError, match="start over with --force"):
        folders.open_folder(place, prepared(world), force=False)
    assert not folders.open_folder(place, prepared(world), force=True)
    assert sorted(one.name for one in place.iterdir()) == [folders.LOCK, record.STARTED]
    folders.release(place)


def test_force_removes_neither_a_stranger_s_files_nor_the_base_model(world: Path, tmp_path: Path) -> None:
    from reasonmed.training import folder as folders

    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "thesis.tex").write_text("all of it", encoding="utf-8")
    with pytest.raises(UsageError, match="holds other content"):
        folders.open_folder(tmp_path / "m", prepared(world), force=True)
    tiny_model(tmp_path / "x" / "base", layers=1)
    (tmp_path / "x" / record.STARTED).write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="would remove base_model"):
        folders.open_folder(tmp_path / "x", prepared(world, base_model=str(tmp_path / "x" / "base")), force=True)
    assert (tmp_path / "x" / "base" / "config.json").is_file()


def test_a_refused_start_leaves_no_folder_behind(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reasonmed.training.methods import sft

    def refuses(*_: Any) -> Any:
        raise ValueError("no such thing here")

    monkeypatch.setattr(sft, "make", refuses)
    with pytest.raises(UsageError, match="does not start with these settings: no such thing here"):
        trained(world, tmp_path / "new" / "deep" / "m")
    assert not (tmp_path / "new").exists()
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="no such thing"):
        trained(world, tmp_path / "there")
    assert not any((tmp_path / "there").iterdir())


def test_a_full_disk_ends_with_its_own_error_and_keeps_the_checkpoint_before(
    world: Path, tmp_path: Path, at_step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(_: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, usual[1]))

    at_step(6, full)
    try:
        with pytest.raises(StorageFailed, match="checkpoint-6 cannot be written"):
            trained(world, tmp_path / "m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert steps(tmp_path / "m") == [3]
    monkeypatch.undo()
    assert issubclass(StorageFailed, ReasonMedError)
    assert trained(world, tmp_path / "m")["layout"]["steps"] == 12
    assert (tmp_path / "m" / "checkpoints" / "checkpoint-12" / COMPLETE).is_file()
