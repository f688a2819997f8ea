"""``evaluate`` and ``compare`` as a user starts them: a real server, killed and resumed, wrong input."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from product import Done, reasonmed_at
from support import reply, served

COUNT = 24


def questions(path: Path, count: int = COUNT, **others: Any) -> Path:
    rows = [
        {"id": f"q{n}", "question": f"Case number {n}: which drug?", "options": ["Heparin", "Warfarin", "Aspirin"],
         "answer_index": 1, **others}
        for n in range(count)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


class Server:
    """Knows every third answer not, and counts what it is asked."""

    def __init__(self, delay: float = 0.0) -> None:
        self.asked: Counter[str] = Counter()
        self.delay = delay
        self.sixth = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            return web.json_response({"data": [{"id": "m"}]})
        content = (await request.json())["messages"][-1]["content"]
        (number,) = re.findall(r"Case number (\d+)", content)
        await asyncio.sleep(self.delay)
        self.asked[number] += 1
        if self.asked.total() == 6:
            self.sixth.set()
        return reply(f"I weigh it.\n\nAnswer: {'A' if int(number) % 3 == 0 else 'B'}")


async def _start(folder: Path, *words: str | Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "reasonmed", *map(str, words),
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1"},
    )  # fmt: skip


async def _finish(process: asyncio.subprocess.Process) -> Done:
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return Done(process.returncode or 0, out.decode(), err.decode())


async def test_a_model_behind_a_real_server_is_scored(tmp_path: Path) -> None:
    server = Server()
    async with served(server.answer) as url:
        command = ("evaluate", questions(tmp_path / "own.jsonl"), "--endpoint", url, "--model", "m", "-o", "out")
        done = await asyncio.to_thread(reasonmed_at, tmp_path, *command)
        assert done.code == 0, done.err
        again = await asyncio.to_thread(reasonmed_at, tmp_path, *command)
    assert "66.7 (46.7-82.0)" in done.out
    assert "No headline" in done.out
    assert again.out == done.out
    assert sum(server.asked.values()) == COUNT
    told = json.loads((tmp_path / "out" / "results.json").read_text())
    assert (told["models"][0]["correct"], told["models"][0]["wrong"]) == (16, 8)


async def test_an_evaluation_that_was_killed_goes_on_and_asks_nothing_twice_that_is_on_record(tmp_path: Path) -> None:
    server = Server(delay=0.15)
    (tmp_path / "slow.yaml").write_text(
        "models: {m: {backend: scripted}}\nstages: {generate: {models: [m], samples: 3}}\nlimits: {in_flight: 2}\n"
    )
    async with served(server.answer) as url:
        command = (
            "evaluate", questions(tmp_path / "own.jsonl"), "--endpoint", url, "--model", "m", "-o", "out",
            "-r", "slow.yaml",
        )  # fmt: skip
        first = await _start(tmp_path, *command)
        await asyncio.wait_for(server.sixth.wait(), 60)
        first.send_signal(signal.SIGKILL)
        await first.communicate()
        assert not (tmp_path / "out" / "results.json").exists()
        done = await asyncio.to_thread(reasonmed_at, tmp_path, *command)
    assert done.code == 0, done.err
    assert len(server.asked) == COUNT
    assert sum(server.asked.values()) - COUNT <= 4
    assert json.loads((tmp_path / "out" / "results.json").read_text())["models"][0]["correct"] == 16


async def test_a_server_that_is_away_ends_with_5_and_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        "models: {m: {backend: openai, base_url: 'http://127.0.0.1:9/v1', model: m}}\n"
        "stages: {generate: {models: [m], samples: 3}}\nlimits: {give_up: 0.5}\n"
    )
    done = await _finish(
        await _start(tmp_path, "evaluate", questions(tmp_path / "own.jsonl"), "-r", "r.yaml", "-m", "m", "-o", "out")
    )
    assert done.code == 5, done.err
    assert "run the same command again" in done.err
    assert not (tmp_path / "out" / "results.json").exists()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scripted models on the same questions."""
    folder = tmp_path_factory.mktemp("pair")
    (folder / "good.jsonl").write_text('{"reply": "Answer: B"}\n')
    (folder / "bad.jsonl").write_text('{"contains": "Case number 1", "reply": "Answer: B"}\n{"reply": "Answer: C"}\n')
    (folder / "r.yaml").write_text(
        "models:\n  good: {backend: scripted, model: good, replies: good.jsonl}\n"
        "  bad: {backend: scripted, model: bad, replies: bad.jsonl}\n"
        "stages: {generate: {models: [good], samples: 3}}\n"
    )
    questions(folder / "own.jsonl")
    for words in (("-m", "bad", "-m", "good", "--base", "bad", "-o", "both"), ("-m", "good", "-o", "alone")):
        done = reasonmed_at(folder, "evaluate", "own.jsonl", "-r", "r.yaml", *words)
        assert done.code == 0, done.err
    return folder


def test_the_gain_over_the_base_is_printed_and_written(pair: Path) -> None:
    done = reasonmed_at(
        pair, "evaluate", "own.jsonl", "-r", "r.yaml", "-m", "bad", "-m", "good", "--base", "bad", "-o", "both"
    )
    assert "good against its base bad on own" in done.out
    assert "better by" in done.out
    assert {path.name for path in (pair / "both").iterdir()} == {
        *("answers", "evaluation.json", "lm-eval", "models", "report.html", "report.md", "results.json", "verifiers"),
    }


def test_compare_prints_a_paired_table(pair: Path) -> None:
    done = reasonmed_at(pair, "compare", "both", "alone/results.json", "-a", "bad")
    assert done.code == 0, done.err
    assert "good against bad" in done.out
    told = json.loads(reasonmed_at(pair, "compare", "both", "both", "-a", "bad", "-b", "good", "--json").out)
    assert told["comparisons"][0]["benchmarks"]["own"]["only_first"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("evaluate", "nowhere.jsonl", "-m", "embedded"), "nowhere.jsonl"),
        (("evaluate", "own.jsonl"), "no model is named: give -m MODEL"),
        (("evaluate", "own.jsonl", "-m", "gpt-9"), "-m gpt-9: there is no such model"),
        (("evaluate", "own.jsonl", "--model", "m"), "--model and --key-env go with --endpoint"),
        (("evaluate", "own.jsonl", "--endpoint", "http://127.0.0.1:9/v1"), "--endpoint needs --model"),
        (("evaluate", "own.jsonl", "--endpoint", "ftp://x", "--model", "m"), "ftp://x"),
        (("evaluate", "own.jsonl", "-m", "good", "-r", "r.yaml", "--protocol", "guess"), "--protocol 'guess'"),
        (("evaluate", "own.jsonl", "-m", "good", "-r", "r.yaml", "--prompt", "none.md"), "--prompt none.md"),
        (
            ("evaluate", "own.jsonl", "-m", "good", "-r", "r.yaml", "--limit", "1", "--sample", "1"),
            "exclude each other",
        ),
        (("evaluate", "own.jsonl", "-m", "good", "-r", "r.yaml", "-o", "both", "--rotate", "2"), "other settings"),
        (("evaluate", "own.jsonl", "-m", "good", "-r", "r.yaml", "--protocol", "loglikelihood"), "only model folders"),
        (("compare", "both", "nowhere"), "nowhere is no results.json of `reasonmed evaluate`"),
        (("compare", "own.jsonl", "both"), "give a folder that `reasonmed evaluate` wrote"),
        (("compare", "alone", "alone"), "holds no two models to compare"),
    ],
)
def test_a_mistake_is_said_with_its_mend_and_no_traceback(pair: Path, words: tuple[str, ...], said: str) -> None:
    done = reasonmed_at(pair, *words)
    assert done.code == 2, done.err
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_own_prompts_are_used_and_told_apart(pair: Path) -> None:
    (pair / "mine.md").write_text("Choose.\n{{ question }}\n")
    done = reasonmed_at(
        pair, "evaluate", "own.jsonl", "-r", "r.yaml", "-m", "good", "--prompt", "mine.md", "-o", "mine"
    )
    assert done.code == 0, done.err
    assert "prompt 'own'" in done.out
    told = reasonmed_at(pair, "compare", "mine", "alone")
    assert "asked differently: prompt: was" in told.err
