"""What one does with a run that takes long: plan, cap, turn it while it goes, ask again, rebuild, compare."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from reasonmed.recipe.shipped import resource
from reasonmed.runs.selftest.server import FaultyServer, serving

RECIPE = """
models:
  a: {{backend: openai, base_url: {url}, model: writer-a, price: {{input: 1.0, output: 4.0}}}}
  b: {{backend: openai, base_url: {url}, model: writer-b, price: {{input: 1.0, output: 4.0}}}}
  judge: {{backend: openai, base_url: {url}, model: judge, price: {{input: 2.0, output: 8.0}}}}
stages:
  generate: {{models: [a, b], samples: 1, max_tokens: 600}}
  verify: {{model: judge, max_tokens: 200}}
  rank: {{model: judge, max_tokens: 200}}
  refine: {{model: a, max_tokens: 600}}
  optimize: {{model: b, blind: false, max_tokens: 600}}
  summarize: {{model: a, max_tokens: 600}}
limits: {{in_flight: 8}}
"""


class Done(NamedTuple):
    code: int | None
    out: str
    err: str


async def begin(folder: Path, *words: str) -> asyncio.subprocess.Process:
    """Start the command in a folder."""
    pipe = asyncio.subprocess.PIPE
    environment = {**os.environ, "COLUMNS": "160", "NO_COLOR": "1"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "reasonmed", *words, cwd=folder, stdout=pipe, stderr=pipe, env=environment
    )


async def ended(process: asyncio.subprocess.Process) -> Done:
    out, err = await asyncio.wait_for(process.communicate(), 90)
    assert b"Traceback" not in out + err
    return Done(process.returncode, out.decode(), err.decode())


async def reasonmed(folder: Path, *words: str) -> Done:
    return await ended(await begin(folder, *words))


RUN = ("run", "questions.json", "-r", "recipe.yaml", "-o", "run", "--max-failures", "100%", "--limit", "8")


def prepare(folder: Path, url: str) -> None:
    (folder / "questions.json").write_bytes(resource("examples", "questions.json").read_bytes())
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url))


def outputs(folder: Path) -> tuple[bytes, bytes]:
    return tuple((folder / f"{name}.jsonl").read_bytes() for name in ("records", "failures"))  # type: ignore[return-value]


def calls(folder: Path, where: str = "1") -> int:
    sql = "SELECT COUNT(*) FROM calls WHERE " + where  # noqa: S608 - conditions of this file
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger:
        return int(ledger.execute(sql).fetchone()[0])


async def test_a_plan_gives_intervals_and_its_answers_are_kept(tmp_path: Path) -> None:
    server = FaultyServer({}, latency=0.0)
    async with serving(server) as url:
        prepare(tmp_path, url)
        plan = await reasonmed(tmp_path, "plan", "questions.json", "-r", "recipe.yaml", "-o", "run", "--pilot", "6")
        assert plan.code == 0, plan.err
        asked = server.received
        assert asked
        for word in ("generate", "verify", "USD", "26"):
            assert word in plan.out
        words = ("run", "questions.json", "-r", "recipe.yaml", "-o", "run", "--max-failures", "100%")
        whole = await reasonmed(tmp_path, *words)
    assert whole.code == 0, whole.err
    assert server.received == calls(tmp_path / "run"), "the pilot's requests were not sent again"


async def test_the_command_that_a_plan_prints_goes_on_with_all_that_the_plan_was_given(tmp_path: Path) -> None:
    server = FaultyServer({}, latency=0.0)
    row = {"question": "Which drug?", "options": {"A": "Heparin", "B": "Warfarin"}, "answer_idx": "B"}
    rows = [*({**row, "question": f"Which drug, {number}?"} for number in range(4)), {"question": "Bad?"}]
    (tmp_path / "my questions.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in rows))
    given = ["--layout", "medqa", "--skip-bad", "--max-failures", "100%"]
    async with serving(server) as url:
        given += ["--endpoint", url, "--model", "m"]
        plan = await reasonmed(tmp_path, "plan", "my questions.jsonl", "-o", "my run", "--pilot", "2", *given)
        assert plan.code == 0, plan.err
        asked = server.received
        (line,) = (line for line in plan.out.splitlines() if "replies are kept: " in line)
        words = shlex.split(line.partition("kept: ")[2])
        whole = await reasonmed(tmp_path, *words[1:])
    assert set(given) <= set(words)
    assert words[0] == "reasonmed"
    assert whole.code == 0, whole.err
    assert server.received == calls(tmp_path / "my run") > asked, "the pilot's requests were not sent again"
    wrong = await reasonmed(tmp_path, "plan", "my questions.jsonl", "--max-failures", "lots")
    assert wrong.code == 2
    assert "--max-failures 'lots'" in wrong.err


async def test_a_cap_ends_with_exit_3_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    server = FaultyServer({}, latency=0.0)
    async with serving(server) as url:
        prepare(tmp_path, url)
        short = await reasonmed(tmp_path, *RUN, "--max-cost", "0.02")
        assert short.code == 3, short.err
        assert "--max-cost" in short.err
        status = json.loads((await reasonmed(tmp_path, "status", "run", "--json")).out)
        assert 0 < status["spent_usd"] + status["lost_usd"] <= 0.02
        assert status["unfinished"] > 0
        rest = await reasonmed(tmp_path, *RUN, "--max-cost", "5")
    assert rest.code == 0, rest.err
    assert server.received == calls(tmp_path / "run")


async def test_log_lines_are_json_where_asked(tmp_path: Path) -> None:
    async with serving(FaultyServer({}, latency=0.05)) as url:
        prepare(tmp_path, url)
        done = await reasonmed(tmp_path, *RUN, "--log-json")
    assert done.code == 0
    told = [json.loads(line) for line in done.err.splitlines() if line.startswith("{")]
    assert told
    assert {"stages", "spent_usd"} <= set(told[-1])


async def test_rebuild_makes_the_same_bytes_without_a_request(tmp_path: Path) -> None:
    server = FaultyServer({}, latency=0.0)
    async with serving(server) as url:
        prepare(tmp_path, url)
        assert (await reasonmed(tmp_path, *RUN)).code == 0
        before, asked = outputs(tmp_path / "run"), server.received
        for name in ("records", "failures"):
            (tmp_path / "run" / f"{name}.jsonl").unlink()
        done = await reasonmed(tmp_path, "rebuild", "run")
    assert done.code == 0, done.err
    assert outputs(tmp_path / "run") == before
    assert server.received == asked


class Narrow(FaultyServer):
    """Says that prompts of one question are longer than its context, for as long as it is narrow."""

    narrow = True
    word = ""

    async def handle(self, received: web.Request) -> web.StreamResponse:
        if self.narrow and self.word in (await received.read()).decode():
            told = {"error": {"message": "maximum context length is 10 tokens", "code": "context_length_exceeded"}}
            return web.json_response(told, status=400)
        return await super().handle(received)


async def test_retry_asks_again_only_what_ended_by_this_class(tmp_path: Path) -> None:
    server = Narrow({}, latency=0.0)
    async with serving(server) as url:
        prepare(tmp_path, url)
        server.word = json.loads((tmp_path / "questions.json").read_text())[2]["question"][:60]
        assert (await reasonmed(tmp_path, *RUN)).code == 0
        assert b"context" in outputs(tmp_path / "run")[1]
        asked, good = server.received, calls(tmp_path / "run", "error IS NULL")
        assert asked == good
        none = await reasonmed(tmp_path, "retry", "run", "--class", "filter")
        assert none.code == 0, none.err
        assert server.received == asked
        server.narrow = False
        again = await reasonmed(tmp_path, "retry", "run", "--class", "context")
    assert again.code == 0, again.err
    assert "1 questions" in again.err
    assert b"context" not in outputs(tmp_path / "run")[1]
    assert server.received == calls(tmp_path / "run", "error IS NULL")


async def test_retry_of_an_unknown_class_names_the_known_ones(tmp_path: Path) -> None:
    async with serving(FaultyServer({}, latency=0.0)) as url:
        prepare(tmp_path, url)
        assert (await reasonmed(tmp_path, *RUN)).code == 0
        done = await reasonmed(tmp_path, "retry", "run", "--class", "weather")
    assert done.code == 2
    assert "weather" in done.err
    assert "context" in done.err


async def test_diff_names_the_questions_and_calls_that_changed_and_a_fork_pays_only_those(tmp_path: Path) -> None:
    server = FaultyServer({}, latency=0.0)
    async with serving(server) as url:
        prepare(tmp_path, url)
        assert (await reasonmed(tmp_path, *RUN)).code == 0
        asked = server.received
        text = (tmp_path / "recipe.yaml").read_text()
        (tmp_path / "recipe.yaml").write_text(text.replace("summarize: {model: a", "summarize: {model: b"))
        words = [word if word != "run" else "new" for word in RUN[1:]]
        forked = await reasonmed(tmp_path, "run", *words, "--fork", "run")
        assert forked.code == 0, forked.err
        paid = server.received - asked
    assert 0 < paid == calls(tmp_path / "new", "reused_from IS NULL")
    assert calls(tmp_path / "new", "reused_from IS NULL AND stage != 'summarize'") == 0
    same = await reasonmed(tmp_path, "diff", "run", "run")
    assert same.code == 0, same.err
    assert "no " in same.out.lower() or "same" in same.out.lower()
    told = await reasonmed(tmp_path, "diff", "run", "new", "--json")
    changed = [json.loads(line) for line in told.out.splitlines()]
    assert changed
    assert all("summarize" in json.dumps(one) for one in changed)


async def waiting(process: asyncio.subprocess.Process, folder: Path) -> None:
    """Until the run listens."""
    for _ in range(400):
        if (folder / "run" / "ctl.sock").exists():
            return
        assert process.returncode is None
        await asyncio.sleep(0.05)
    pytest.fail("the run does not listen")


async def ctl(folder: Path, *words: str) -> Done:
    return await reasonmed(folder, "ctl", "run", *words)


async def test_a_run_is_paused_limited_resumed_and_drained_from_outside(tmp_path: Path) -> None:
    server = FaultyServer({}, latency=0.3)
    async with serving(server) as url:
        prepare(tmp_path, url)
        process = await begin(tmp_path, *RUN[:-1], "26")  # long enough for all that follows
        await waiting(process, tmp_path)
        assert stat.S_IMODE((tmp_path / "run" / "ctl.sock").stat().st_mode) == 0o600
        assert (await ctl(tmp_path, "pause")).code == 0
        await asyncio.sleep(0.6)
        held = server.received
        await asyncio.sleep(0.6)
        assert server.received == held, "a paused run sends nothing"
        assert (await ctl(tmp_path, "limit", "writer-a", "1")).code == 0
        assert (await ctl(tmp_path, "limit", "b", "2")).out.startswith("b (writer-b): at most 2 open requests")
        for wrong, said in (("nobody", "names no model"), ("writer", "names several models")):
            refused = await ctl(tmp_path, "limit", wrong, "1")
            assert refused.code == 2
            assert f"'{wrong}' {said} of this run; there are a (writer-a), b (writer-b), judge" in refused.err
        assert "must be 1 or more, not 0" in (await ctl(tmp_path, "limit", "a", "0")).err
        told = await ctl(tmp_path, "status")
        assert told.code == 0
        assert (await ctl(tmp_path, "resume")).code == 0
        await asyncio.sleep(1.0)
        assert server.received > held
        assert (await ctl(tmp_path, "drain")).code == 0
        drained = await ended(process)
        assert drained.code not in (0, 1, 2), drained.err
        assert server.received == calls(tmp_path / "run"), "a drain waits for what is under way"
        late = await ctl(tmp_path, "status")
        assert late.code == 2
        server.latency = 0.0
        assert (await reasonmed(tmp_path, *RUN)).code == 0
    assert server.received == calls(tmp_path / "run")


def _keys(saved: dict[str, Any]) -> set[str]:
    return {key for one in saved.values() for key in one}


async def test_status_says_what_precheck_and_stopping_early_saved(tmp_path: Path) -> None:
    server = FaultyServer({}, latency=0.0)
    async with serving(server) as url:
        prepare(tmp_path, url)
        text = (tmp_path / "recipe.yaml").read_text()
        (tmp_path / "recipe.yaml").write_text(
            text.replace("samples: 1", "samples: 2, stop_when_decided: true").replace(
                "verify: {model: judge", "verify: {precheck: true, model: judge"
            )
        )
        assert (await reasonmed(tmp_path, *RUN)).code == 0
        status = json.loads((await reasonmed(tmp_path, "status", "run", "--json")).out)
        said = (await reasonmed(tmp_path, "status", "run")).out
    assert status["saved"]
    assert _keys(status["saved"]) == {"calls", "tokens", "usd"}
    for name in status["saved"]:
        assert f"saved by {name}" in said
