"""The script for a Slurm cluster, run by bash as a task of an array runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from product import reasonmed_at
from reasonmed.recipe.shipped import resource
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.status import status_of

SCRIPT = Path(__file__).parents[2] / "deploy" / "slurm.sh"


def _task(folder: Path, number: int, *words: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("reasonmed")
    told = {"SLURM_ARRAY_TASK_ID": str(number), "SLURM_ARRAY_TASK_MAX": "2", "REASONMED": str(program)}
    return subprocess.run(
        ["bash", str(SCRIPT), *words],
        cwd=folder,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_tasks_of_an_array_make_the_parts_of_a_run(tmp_path: Path) -> None:
    if not Path(sys.executable).with_name("reasonmed").is_file():
        pytest.skip("the command is not installed beside this Python")
    questions = str(resource("examples", "questions.json"))
    for number in (1, 2):
        task = _task(tmp_path, number, questions, "scripted", "runs/all")
        assert "run directory: runs/all.part-" in task.stderr, task.stderr
    done = reasonmed_at(tmp_path, "merge", "runs/all.part-1", "runs/all.part-2", "-o", "runs/all")
    assert done.code == 0, done.err
    assert status_of(RunDirectory(tmp_path / "runs/all")).unfinished == 0


def test_the_script_says_how_it_is_called(tmp_path: Path) -> None:
    task = _task(tmp_path, 1, "only.json")
    assert task.returncode == 2
    assert "usage: sbatch --array=1-N" in task.stderr
