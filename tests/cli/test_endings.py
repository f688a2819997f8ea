"""How a run ends early: signals, terminals and folders that go away, addresses where nothing is."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import signal
import sys
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from test_long_runs import RUN, begin, ended, outputs, prepare, reasonmed, waiting

from reasonmed import recipe as recipes
from reasonmed.errors import Unavailable
from reasonmed.runs import descriptors
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.selftest.server import FaultyServer, serving
from reasonmed.types import Story
from support import question, recipe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def slow_run(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A run that is under way, at a server that takes its time."""
    async with serving(FaultyServer({}, latency=0.3)) as url:
        prepare(folder, url)
        process = await begin(folder, *RUN)
        await waiting(process, folder)
        await asyncio.sleep(0.5)
        yield process


@pytest.mark.parametrize(
    ("signals", "said"), [([signal.SIGHUP], "the terminal is gone"), ([signal.SIGINT] * 2, "at once")]
)
async def test_a_signal_ends_a_run_resumable_and_without_a_traceback(
    tmp_path: Path, signals: list[signal.Signals], said: str
) -> None:
    async with slow_run(tmp_path) as process:
        for number in signals:
            process.send_signal(number)
            await asyncio.sleep(0.1)
        done = await ended(process)
        assert done.code == 130, done.err
        assert said in done.err
        assert "never retrieved" not in done.err
        assert json.loads((await reasonmed(tmp_path, "status", "run", "--json")).out)["state"] == "drained"


async def test_a_run_whose_folder_is_removed_stops_and_does_not_make_it_again(tmp_path: Path) -> None:
    async with slow_run(tmp_path) as process:
        shutil.rmtree(tmp_path / "run")
        done = await ended(process)
    assert done.code == 5
    assert "run was removed, moved or replaced while this process was writing to it" in done.err
    assert not (tmp_path / "run").exists()


async def test_a_run_whose_readers_go_away_comes_to_its_end(tmp_path: Path) -> None:
    """As under ``| head`` and after a terminal was closed."""
    async with serving(FaultyServer({}, latency=0.0)) as url:
        prepare(tmp_path, url)
        read, write = os.pipe()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "reasonmed", *RUN, cwd=tmp_path, stdout=write, stderr=write
        )
        os.close(write)
        os.close(read)
        assert await asyncio.wait_for(process.wait(), 60) == 0
    assert json.loads((await reasonmed(tmp_path, "status", "run", "--json")).out)["state"] == "finished"
    assert outputs(tmp_path / "run")[0]


async def test_an_address_where_nothing_listens_ends_a_run_within_seconds(tmp_path: Path) -> None:
    prepare(tmp_path, "http://127.0.0.1:1/v1")
    done = await asyncio.wait_for(reasonmed(tmp_path, *RUN), 60)
    assert done.code == 5
    assert "Connect call failed" in done.err
    assert "Is it running" in done.err
    assert "reasonmed doctor" in done.err


def test_the_limit_on_open_files_is_raised_else_fewer_requests_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [(200, 500)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: limits.append(pair))

    def fitted(in_flight: int) -> tuple[int, str | None]:
        made = recipe()
        return descriptors.fit([made.model(name) for name in made.used], in_flight)

    assert fitted(10) == (10, None)
    assert limits == [(200, 500)]
    addresses = len(recipe().used)
    most, note = fitted(2000)
    assert limits[-1] == (500, 500)
    assert most == (500 - 64) // addresses
    assert note is not None
    assert f"limits.in_flight is {most} instead of 2000" in note


async def test_a_port_that_never_speaks_tls_ends_a_run_at_first_contact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reasonmed.backends.openai._FIRST_CONNECT", 5.2)

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    models = {"m": {"backend": "openai", "base_url": url, "model": "m"}}
    stages = {"generate": {"models": ["m"], "temperatures": [0.7], "samples": 9}, "verify": {"model": "m"}}
    made = recipes.parse(json.dumps({"models": models, "stages": stages}))
    intake = take_in(Path("questions.jsonl"), lambda: iter([Story(question())]), Selection())
    began = time.monotonic()
    async with server:
        with pytest.raises(Unavailable, match=r"cannot be reached: .* no connection within 5.2 s\. Is it running"):
            await execute(synthesis_job(intake, made, RunDirectory(tmp_path / "run")), Watch())
    assert time.monotonic() - began < 15
