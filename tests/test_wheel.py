"""The wheel as users install it: every shipped file is in it, nothing else is, and it works without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

import pytest

pytest.importorskip("hatchling", reason="builds the wheel: pip install 'reasonmed[dev]'")

ROOT = Path(__file__).parents[1]
LICENSE_AND_METADATA = "dist-info"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked: what a site-packages folder would hold."""
    if not (ROOT / "recipes").is_dir():
        pytest.skip("not a checkout")
    built, unpacked = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("unpacked")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with ZipFile(next(built.glob("*.whl"))) as archive:
        archive.extractall(unpacked)
    return unpacked


def _from_the_wheel(wheel: Path, folder: Path, words: Sequence[str]) -> str:
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run([sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_every_file_of_the_package_recipes_and_examples_and_nothing_else(wheel: Path) -> None:
    held = {str(path.relative_to(wheel)) for path in wheel.rglob("*") if path.is_file()}
    package = {path.relative_to(ROOT / "src") for path in (ROOT / "src" / "reasonmed").rglob("*") if path.is_file()}
    wanted = {str(path) for path in package if path.suffix != ".pyc"}
    wanted |= {f"reasonmed/recipes/{path.name}" for path in (ROOT / "recipes").iterdir()}
    wanted |= {f"reasonmed/examples/{path.name}" for path in (ROOT / "examples").glob("*.json")}
    assert {name for name in held if LICENSE_AND_METADATA not in name} == wanted


def test_the_wheel_runs_the_pipeline_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    where = _from_the_wheel(wheel, tmp_path, ["-c", "import reasonmed; print(reasonmed.__file__)"])
    assert Path(where.strip()).is_relative_to(wheel)
    examples = wheel / "reasonmed" / "examples" / "questions.json"
    run = ["-m", "reasonmed", "run", str(examples), "--recipe", "scripted", "-o", "run", "--max-failures", "26"]
    _from_the_wheel(wheel, tmp_path, run)
    assert (tmp_path / "run" / "records.jsonl").stat().st_size > 0
    _from_the_wheel(wheel, tmp_path, ["-m", "reasonmed", "export", "run", "-o", "data", "--demo"])
    assert (tmp_path / "data" / "README.md").is_file()
