"""A command killed at any write step loses nothing, and the same command then ends as if nothing had happened."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from killed_at import Commands
from reasonmed.runs.directory import RunDirectory

STRIDE = 1 if "REASONMED_EVERY_STEP" in os.environ else 11
"""`make test` takes every eleventh step, `make test-heavy` each."""
EXPORT = ["export", "run", "-o", "data", "--demo", "--format", "records,trl-sft"]


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    with Commands() as served:
        yield served


@pytest.fixture(scope="module")
def finished(run26: RunDirectory, commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, and an export of it with its card."""
    folder = tmp_path_factory.mktemp("finished") / "work"
    folder.mkdir()
    shutil.copytree(run26.path, folder / "run")
    assert commands.run(folder, EXPORT).code == 0
    assert commands.run(folder, ["check", "data", "--json", "findings.json", "--html", "findings.html"]).code == 0
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    kept = (path for path in folder.rglob("*") if path.is_file() and "run/" not in str(path.relative_to(folder)))
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def _check_whole(folder: Path, commands: Commands) -> None:
    """Every file that a reader is promised is there as it was written."""
    pushed = commands.run(folder, ["push", "data", "--to", "me/data", "--dry-run", "--demo"])
    assert pushed.code == 0, pushed.shown


def _killed_at_every_step(
    commands: Commands, template: Path, work: Path, words: list[str], after_kill: Callable[[Path], None]
) -> int:
    """Kill at each step, look, run the same again, and compare with a run that was never killed; returns the steps."""
    shutil.copytree(template, work / "calm")
    calm = commands.run(work / "calm", words)
    assert calm.code == 0, calm.shown
    assert calm.changes > 0
    for step in range(1, calm.changes + 1, STRIDE):
        folder = work / "killed"
        shutil.copytree(template, folder)
        assert commands.run(folder, words, kill_at=step).code == -9
        after_kill(folder)
        again = commands.run(folder, words)
        assert again.code == 0, f"step {step}: {again.shown}"
        assert _files(folder) == _files(work / "calm"), f"step {step}"
        shutil.rmtree(folder)
    return calm.changes


def test_a_new_export(commands: Commands, finished: Path, tmp_path: Path) -> None:
    template = tmp_path / "template"
    shutil.copytree(finished, template)
    shutil.rmtree(template / "data")
    assert _killed_at_every_step(commands, template, tmp_path, EXPORT, lambda _: None) > 10


def test_an_export_that_replaces_an_older_one_keeps_a_whole_one_at_every_moment(
    commands: Commands, finished: Path, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    shutil.copytree(finished, template)
    words = ["export", "run", "-o", "data", "--demo", "--format", "dpo,records", "--force"]

    def whole(folder: Path) -> None:
        _check_whole(folder, commands)
        assert list((folder / "data" / "records").rglob("*.jsonl"))

    assert _killed_at_every_step(commands, template, tmp_path, words, whole) > 10


def test_a_card(commands: Commands, finished: Path, tmp_path: Path) -> None:
    words = ["card", "data", "--name", "Another name"]
    assert _killed_at_every_step(commands, finished, tmp_path, words, lambda folder: _check_whole(folder, commands))


def test_a_check(commands: Commands, finished: Path, tmp_path: Path) -> None:
    words = ["check", "data", "--json", "findings.json", "--html", "findings.html", "--force"]
    assert _killed_at_every_step(commands, finished, tmp_path, words, lambda _: None)
