"""The embedded model behind llama.cpp's server as a process of its own: started by a run, and ended with it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reasonmed.runs.directory import RunDirectory
from stand_in_programs import alive, until

pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
pytestmark = pytest.mark.embedded

RECIPE = """
models:
  small:
    backend: openai
    model: small
    serve: {engine: xllamacpp, weights: smollm2-135m-instruct, options: {context: 1024, parallel: 2}}
stages:
  generate: {models: [small], temperatures: [0.7, 1.0], max_tokens: 24, min_words: 1}
  verify: {model: small, max_tokens: 48}
limits: {in_flight: 2}
"""
_MODULE = "reasonmed.backends._local_server"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    row = {"id": "a", "question": "Which drug?", "options": ["Heparin", "Warfarin"], "answer": "B"}
    (tmp_path / "q.jsonl").write_text(f"{json.dumps(row)}\n", encoding="utf-8")
    return tmp_path


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "reasonmed", *words, "-r", "recipe.yaml", "--yes"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_the_doctor_starts_the_server_and_ends_it(folder: Path) -> None:
    shown, _ = (process := started(folder, "doctor")).communicate(timeout=120)
    assert process.returncode == 0, shown
    assert "starts in " in shown
    assert f"s: python -m {_MODULE} --weights smollm2-135m-instruct --port PORT --alias small" in shown
    assert "has a context of 1,024 tokens" in shown
    assert not alive(_MODULE)


def test_a_run_that_is_killed_leaves_no_server_and_is_resumed(folder: Path) -> None:
    words = ("run", "q.jsonl", "-o", "run", "--max-failures", "100%")
    process = started(folder, *words)
    log = folder / "run" / "server-1-small.log"
    until(lambda: log.is_file() and "small at http://127.0.0.1:" in log.read_text(), seconds=120)
    time.sleep(1.0)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: not alive(_MODULE))
    shown, _ = (again := started(folder, *words)).communicate(timeout=240)
    assert again.returncode == 0, shown
    assert not alive(_MODULE)
    manifest = RunDirectory(folder / "run").manifest()
    assert manifest.demo
