"""A thousand real questions against a fast mock server, with kill -9 at random moments.

Run with ``make test-heavy``; needs a C compiler and the shared folder with real questions and the server's source.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

QUESTIONS = {"medqa": 300, "medmcqa": 400, "pubmedqa": 300}
RECIPE = """
models:
  a: {{backend: openai, base_url: {url}, model: a}}
  b: {{backend: openai, base_url: {url}, model: b}}
  c: {{backend: openai, base_url: {url}, model: c}}
  judge: {{backend: openai, base_url: {url}, model: judge}}
stages:
  generate: {{models: [a, b, c]}}
  verify: {{model: judge}}
  rank: {{model: judge}}
  refine: {{model: a}}
  optimize: {{model: b}}
  summarize: {{model: c, max_tokens: 120}}
  score: {{model: judge, sample: 300}}
limits: {{in_flight: 64}}
"""


@pytest.fixture(scope="module")
def server(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The mock server, built from its source."""
    compiler = shutil.which("cc")
    source = shared / "bench" / "server" / "mockllm.c"
    if compiler is None or not source.is_file():
        pytest.skip("the mock server needs a C compiler and bench/server/mockllm.c in the shared folder")
    program = tmp_path_factory.mktemp("server") / "mockllm"
    subprocess.run([compiler, "-O2", "-o", str(program), str(source), "-lm"], check=True)
    with subprocess.Popen([program, "--port", "0", "--whole-body", "1"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.kill()


def ask(server: str, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.removesuffix('/v1')}/{path}") as response:  # noqa: S310 - a server of ours
        found: dict[str, Any] = json.load(response)
    return found


@pytest.fixture(scope="module")
def questions(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions") / "thousand.jsonl"
    files = {name: (shared / "data" / f"{name}.jsonl").read_text().splitlines() for name in QUESTIONS}
    path.write_text("\n".join(line for name, count in QUESTIONS.items() for line in files[name][:count]))
    return path


def start(folder: Path, questions: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "reasonmed", "run", str(questions), "-r", "recipe.yaml", "-o", "run"]
    command += ["--max-failures", "100%"]
    environment = {**os.environ, "NO_COLOR": "1"}
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)


def run_once(folder: Path, server: str, questions: Path) -> tuple[bytes, bytes]:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(RECIPE.format(url=server))
    assert start(folder, questions).wait(timeout=600) == 0, (folder / "log.txt").read_text()
    return (folder / "run" / "records.jsonl").read_bytes(), (folder / "run" / "failures.jsonl").read_bytes()


def test_a_thousand_questions_survive_three_kills(server: str, questions: Path, tmp_path: Path) -> None:
    ask(server, "reset?whole_body=1")
    whole = run_once(tmp_path / "whole", server, questions)
    requests = ask(server, "stats")["received"]
    status = json.loads(
        subprocess.run(
            [sys.executable, "-m", "reasonmed", "status", "run", "--json"],
            cwd=tmp_path / "whole", capture_output=True, check=True, text=True,
        ).stdout
    )  # fmt: skip
    assert status["succeeded"] + status["failures"] == status["questions"] == 1000
    assert set(status["tiers"]) == {"easy", "medium", "difficult"}
    assert 15_000 < requests < 30_000

    ask(server, "reset?whole_body=1&latency_ms=5")
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(RECIPE.format(url=server))
    draw, lost = random.Random(7), 0
    for _ in range(3):
        with start(folder, questions) as process:
            target = ask(server, "stats")["ok"] + draw.randint(1000, 5000)
            while ask(server, "stats")["ok"] < target and process.poll() is None:
                time.sleep(0.02)
            process.kill()
        time.sleep(0.2)
        unrecorded = ask(server, "stats")["distinct_ok"] - count_calls(folder / "run" / "ledger.db")
        assert unrecorded <= 64 + 64, "more than the requests in flight and one group of commits was lost"
        lost += unrecorded
    assert run_once(folder, server, questions) == whole
    stats = ask(server, "stats")
    assert stats["dup_ok"] <= lost, "a reply on record was asked again"
    assert count_calls(folder / "run" / "ledger.db") == stats["distinct_ok"]
    print(f"requests {requests}, answered and not on record at three kills {lost}, asked again {stats['dup_ok']}")  # noqa: T201 - figures to note


def count_calls(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT COUNT(*) FROM calls").fetchone()
    return int(count)
