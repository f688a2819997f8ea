"""Every benchmark starts, runs at a tiny size, and shows a client that dies."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import cost
import inference
import prefix
from _harness import measure
from _prefix_cache import PrefixCache, replicas
from support import reply, served

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

BENCH = Path(__file__).parents[1] / "bench"
SCRIPTS = sorted(path.name for path in BENCH.glob("[!_]*.py"))


def started(script: str, *arguments: str | Path, fails: bool = False) -> str:
    done = subprocess.run(
        [sys.executable, BENCH / script, *arguments], capture_output=True, text=True, check=False, timeout=600
    )
    assert bool(done.returncode) == fails, done.stderr[-2000:]
    return done.stdout + done.stderr


class Silent:
    """A server that nobody asks anything."""

    def stats(self) -> dict[str, Any]:
        return {"ok": 0, "span_s": 0.0, "received": 0}


@pytest.fixture(scope="module")
def comparison(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The comparison's folder with our own client in the place of the raw one, which needs packages of its own."""
    if not (shared / "bench" / "server" / "mockllm.c").is_file():
        pytest.skip(f"the mock server's source is not at {shared / 'bench'}")
    if shutil.which("cc") is None or shutil.which("taskset") is None:
        pytest.skip("a C compiler and taskset are needed")
    root = tmp_path_factory.mktemp("comparison")
    (root / "data").symlink_to(shared / "data")
    (root / "bench" / "clients").mkdir(parents=True)
    (root / "bench" / "server").symlink_to(shared / "bench" / "server")
    (root / "bench" / "clients" / "c_aiohttp.py").symlink_to(BENCH / "client_reasonmed.py")
    return root / "bench"


def made_questions(place: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{place}-{number}",
            "question": f"A {30 + number}-year-old man of {place} has fever. Which is drug {number}?",
            "options": [f"{place} {number} {one}" for one in ("first", "second", "third", "fourth")],
            "answer": f"{place} {number} first",
        }
        for number in range(8)
    ]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_benchmark_has_help(script: str) -> None:
    assert "usage:" in started(script, "--help")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["-c", "import sys; print('no such module: quux'); sys.exit(7)"], ("exit code 7", "no such module: quux")),
        (["-c", "raise SystemExit('out of luck')"], ("exit code 1", "out of luck")),
        (["-c", "import os; os._exit(3)"], ("exit code 3", "it printed nothing")),
    ],
)
def test_a_dead_client_is_shown_and_ends_the_benchmark(
    command: Sequence[str], said: tuple[str, str], tmp_path: Path
) -> None:
    if shutil.which("taskset") is None:
        pytest.skip("taskset is needed")
    with pytest.raises(SystemExit) as ended:
        measure(Silent(), [sys.executable, *command], tmp_path)
    assert all(words in str(ended.value) for words in said)


def test_a_client_that_is_killed_on_purpose_is_no_dead_one(tmp_path: Path) -> None:
    if shutil.which("taskset") is None:
        pytest.skip("taskset is needed")
    run = measure(Silent(), [sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, limit=0.2)
    assert run.code == -9


async def test_our_own_client_answers_every_row(tmp_path: Path) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return reply("an answer")

    rows = [{"id": f"r{number}", "prompt": f"question {number}"} for number in range(20)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    async with served(answer) as url:
        words: list[str | Path] = [
            "--base-url",
            url,
            "--input",
            tmp_path / "in.jsonl",
            "--output",
            tmp_path / "out.jsonl",
        ]
        client = await asyncio.create_subprocess_exec(
            sys.executable, BENCH / "client_reasonmed.py", *words, "--work", tmp_path / "work", "--concurrency", "4"
        )
        assert await client.wait() == 0
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(row["id"] for row in found) == sorted(row["id"] for row in rows)
    assert {row["response"] for row in found} == {"an answer"}


def test_the_engines_benchmark_runs_and_ends_when_a_client_dies(comparison: Path, tmp_path: Path) -> None:
    told = started("engine.py", "--bench", comparison, "pipeline", "faults", "--runs", "1", "--scale", "0.004")
    assert "| whole pipeline |" in told
    assert "| reasonmed | 0 |" in told
    shutil.copytree(comparison, tmp_path / "bench", symlinks=True)
    (tmp_path / "data").symlink_to(comparison.parent / "data")
    broken = tmp_path / "bench" / "clients" / "c_aiohttp.py"
    broken.unlink()
    broken.write_text("raise SystemExit('the raw client broke')", encoding="utf-8")
    told = started(
        "engine.py", "--bench", tmp_path / "bench", "overhead", "--runs", "1", "--scale", "0.004", fails=True
    )
    assert "the client died with exit code 1" in told
    assert "the raw client broke" in told
    assert "ZeroDivisionError" not in told


@pytest.mark.skipif(
    "REASONMED_EVERY_STEP" not in os.environ, reason="make test-heavy; the odd servers' soak is its twin"
)
def test_the_soak_runs(comparison: Path, tmp_path: Path) -> None:
    told = started(
        "soak.py", "--bench", comparison, "--requests", "60", "--minutes", "1", "--kills", "1", "--folder", tmp_path
    )
    assert "quick_check ok" in told
    assert "none" not in told


def test_the_soak_with_odd_servers_loses_nothing(comparison: Path, tmp_path: Path) -> None:
    words: list[str | Path] = ["--odd", "--requests", "80", "--minutes", "1", "--kills", "1", "--folder", tmp_path]
    told = started("soak.py", "--bench", comparison, *words)
    figures = dict(re.findall(r"^\| ([^|]+) \| ([\d,]+)", told, re.MULTILINE))
    assert figures["different requests among them"] == figures["recorded answers"]
    gone = re.search(r"not on record when a session ended \| ([\d, ]+) \|", told)
    assert gone is not None
    assert sum(map(int, gone[1].split(","))) == int(figures["answers paid twice"])
    assert "quick_check ok" in told


def test_the_resume_benchmark_runs(comparison: Path) -> None:
    told = started("resume.py", "--bench", comparison, "--questions", "3", "--calls", "300")
    assert "after a clean end, a longer file" in told


def test_the_viewers_benchmark_runs() -> None:
    told = started("viewer.py", "--questions", "20", "--calls", "2", "--requests", "1")
    assert "| deep page, in order |" in told


async def test_a_questions_requests_find_their_prefix_at_one_address_of_several() -> None:
    found = await prefix.measure(count=5, in_flight=24, addresses=3, blocks=4000, seconds=0.02)
    assert found.share > 0.8
    assert found.busiest < 1.5


_VLLM = """#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in --output-json) out=$2;; --dataset-path) set=$2;; esac; shift
done
requests=$(wc -l < "$set")
echo '{"elapsed_time": 2.0, "num_requests": '$requests', "total_num_tokens": 4000}' > "$out"
"""


async def test_the_inference_benchmark_sends_the_prompts_that_it_gives_to_vllm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, result = tmp_path / "prompts.jsonl", tmp_path / "out.json"
    async with replicas(1, 4000, 0.01) as (server,):
        told = inference.arguments(
            ["--base-url", server.url, "--model", "m-A", "--questions", "2", "--samples", "3", "--output-tokens", "9"]
        )
        ours = await inference.by_reasonmed(inference.entry_of(told), told, dataset)
    rows = [json.loads(line) for line in dataset.read_text(encoding="utf-8").splitlines()]
    assert [set(row) for row in rows] == [{"prompt", "output_tokens"}] * 6
    assert len({row["prompt"] for row in rows}) == 2
    assert rows[0]["output_tokens"] == 9
    assert ours.requests == 6
    assert ours.prompt_tokens == sum(len(row["prompt"]) // 4 for row in rows)
    assert ours.cached_tokens
    command = inference.vllm_command("m-A", dataset, result, told)
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = inference.by_vllm(command, result)
    assert isinstance(missing, str)
    assert "not installed" in missing
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "vllm").write_text(_VLLM, encoding="utf-8")
    (tmp_path / "vllm").chmod(0o755)
    theirs = inference.by_vllm(command, result)
    assert theirs == inference.Side("vllm bench throughput", 6, 2.0, None, None, None, 4000)
    assert theirs.row[-1] == 2000


def test_the_stand_ins_cache_gives_up_what_was_unused_longest() -> None:
    cache = PrefixCache(4)
    text = "abcd" * 12
    first, found = cache.begin(text * 3 + "one more", 0)
    assert (len(first), found) == (2, 0)
    assert cache.begin(text * 3 + "other end", 0) == (first, 32)
    cache.end(first, 0)
    cache.end(first, 0)
    cache.end(cache.begin("other" * 64, 0)[0], 0)
    assert cache.begin(text * 3 + "one", 0)[1] < 32


def test_the_benchmark_of_what_comes_after_a_run_runs() -> None:
    told = started("after_run.py", "--questions", "12", "--only", "rebuild", "status")
    assert "| rebuild |" in told
    assert "| status |" in told


def test_the_contamination_benchmark_runs(tmp_path: Path) -> None:
    for package in ("datasketch", "rapidfuzz"):
        pytest.importorskip(package)
    for name in ("medqa", "medmcqa", "pubmedqa", "mmlu_medical", "medxpertqa"):
        lines = [json.dumps(row) + "\n" for row in made_questions(name)]
        (tmp_path / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    assert "all rules:" in started("contamination.py", tmp_path, "--speed", "20")


def test_the_ablations_rows_are_made(tmp_path: Path) -> None:
    row = {"id": "q1", "question": "Which drug?", "options": ["Heparin", "Warfarin"], "answer_index": 0}
    row["cots"] = [{"text": "It acts at once.\n\nAnswer: A. Heparin", "response": "The answer is A. Heparin."}]
    (tmp_path / "cots.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert "1 of 1 usable rows of 1" in started("ablation_rows.py", tmp_path / "cots.jsonl", tmp_path / "out")


def test_the_cost_of_a_record_is_counted(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    words: list[str | Path] = ["--run", "2", "--questions", "1000", "--median", "60", "--only", "all three"]
    told = started("cost.py", *words, "--chart", tmp_path / "cost.svg")
    rows = [line.strip("| ").split(" | ") for line in told.splitlines() if line.startswith("| all three")]
    assert len(rows) == 2
    assert float(rows[1][5]) < 0.9, "tokens a record, of those of the recipe as it is"
    assert "<svg" in (tmp_path / "cost.svg").read_text(encoding="utf-8")


def test_the_shares_of_tiers_are_those_of_the_published_sums() -> None:
    shares = cost.spread()
    assert sum(shares) == pytest.approx(1)
    assert sum(wrong * share for wrong, share in enumerate(shares)) / 9 == pytest.approx(1 - 1_291_000 / 1_754_325)
    assert sum(shares[8:]) == pytest.approx(19_850 / 194_925, abs=1e-5)
    equal = cost.equal_tiers(shares)
    assert [sum(part) for part in (equal[:5], equal[5:8], equal[8:])] == pytest.approx([1 / 3] * 3)
    wrong = cost.wrong_chains(equal, 30)
    assert [sum(low <= one <= high for one in wrong) for low, high in ((0, 4), (5, 7), (8, 9))] == [10, 10, 10]


def test_the_training_benchmark_runs() -> None:
    for package in ("torch", "transformers", "trl"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed (make test-train does it)")
    told = started("train.py", "--size", "small", "--tokens", "40", "--steps", "2", "--warm", "1", "--only", "trl")
    assert "tokens/s" in told
