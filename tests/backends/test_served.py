"""Servers that reasonmed starts: by the command lines of engines, with what goes wrong, ended whatever happens."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import stand_in_programs
from reasonmed.backends import Resident, openai
from reasonmed.backends._served import Served, Servers
from reasonmed.errors import Drained, ModelNotServed, ReasonMedError, Unavailable, Unreachable
from reasonmed.exchange import Message, Request, SamplingParameters
from stand_in_programs import alive, until

_SAMPLING = SamplingParameters(0.0, None, 9)
ASKED = Request(model="m", messages=(Message("user", "hello"),), sampling=_SAMPLING, stage="verify")
_LOCAL = ["--host", "127.0.0.1", "--port", "PORT"]


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{stand_in_programs.folder(tmp_path)}:{os.environ['PATH']}")


def entry(model: str = "m", **serve: Any) -> openai.Settings:
    told = {"engine": "vllm"} if not serve.keys() & {"engine", "command"} else {}
    return openai.Settings.model_validate({"backend": "openai", "model": model, "serve": {**told, **serve}})


def back_end(settings: openai.Settings, servers: Servers | None = None) -> Served:
    made = openai.connect(settings, 4)
    assert isinstance(made, Served)
    made.servers = servers or made.servers
    return made


async def failed(settings: openai.Settings, servers: Servers | None = None) -> ReasonMedError:
    made = back_end(settings, servers)
    with pytest.raises(ReasonMedError) as found:
        await made.complete(ASKED)
    await made.aclose()
    return found.value


def _logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("server-*"))


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ("vllm", ["serve", "org/M", *_LOCAL, "--served-model-name", "m"]),
        (
            "sglang",
            ["serve", "--model-path", "org/M", *_LOCAL, "--served-model-name", "m"],
        ),
        ("llama-server", ["--model", "org/M", *_LOCAL, "--alias", "m"]),
    ],
)
async def test_an_engine_is_started_by_its_command_line_and_answers(
    engine: str, words: list[str], tmp_path: Path
) -> None:
    option = {"vllm": "max_model_len", "sglang": "context-length", "llama-server": "ctx-size"}[engine]
    servers = Servers(tmp_path)
    made = back_end(entry(engine=engine, weights="org/M", options={option: 512, "never-ready": False}), servers)
    assert "word1" in (await made.complete(ASKED)).text
    assert (await made.facts()).context == 512
    await made.aclose()
    argv = json.loads((tmp_path / "server-1-m.log").read_text().split("\n")[0].removeprefix("argv "))
    port = str(made.server.port)
    assert argv == [*(port if word == "PORT" else word for word in words), f"--{option.replace('_', '-')}", "512"]
    assert not alive(port)


async def test_a_command_is_split_as_words_and_never_given_to_a_shell(tmp_path: Path) -> None:
    command = (
        "vllm serve '{model}; touch x $HOME' --port {port} --served-model-name {model} --says '{other} {\"a\": 1}'"
    )
    made = back_end(entry("org/a b", command=command), Servers(tmp_path))
    assert (await made.complete(ASKED)).text
    await made.aclose()
    argv = json.loads((tmp_path / "server-1-org-a-b.log").read_text().split("\n")[0].removeprefix("argv "))
    assert argv[1] == "org/a b; touch x $HOME"
    assert argv[-1] == '{other} {"a": 1}'
    assert argv[-3] == "org/a b"


async def test_one_that_dies_while_it_starts_is_reported_at_once_with_its_last_words(tmp_path: Path) -> None:
    began = time.monotonic()
    wrong = await failed(entry(options={"dies": 3}), Servers(tmp_path))
    assert time.monotonic() - began < 10
    assert isinstance(wrong, Unavailable)
    text = str(wrong)
    assert (
        "the server of m ended with exit status 3 while it started: vllm serve m --host 127.0.0.1 --port PORT" in text
    )
    assert "| ValueError: no weights here" in text
    assert "\x1b" not in text
    assert str(tmp_path / "server-1-m.log") in text


async def test_whoever_asks_later_is_told_the_same_and_nothing_is_started_again(tmp_path: Path) -> None:
    made = back_end(entry(options={"dies": 3}), Servers(tmp_path))
    for _ in range(2):
        with pytest.raises(Unavailable, match="exit status 3"):
            await made.complete(ASKED)
    await made.aclose()
    assert (tmp_path / "server-1-m.log").read_text().count("argv") == 1


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("sh -c 'kill -9 $$ {port}'", "was ended by SIGKILL"),
        ("/etc/passwd {port}", "could not be started: Permission denied"),
    ],
)
async def test_how_it_ended_is_said(command: str, said: str) -> None:
    assert said in str(await failed(entry(command=command)))


async def test_one_that_is_never_ready_is_ended_after_the_time_that_it_has(tmp_path: Path) -> None:
    made = entry(start_timeout=1.5, options={"never-ready": True})
    servers = Servers(tmp_path)
    wrong = await failed(made, servers)
    assert "did not become ready within 1.5 s (`start_timeout`)" in str(wrong)
    assert "/health 503" in str(wrong)
    assert not alive("--never-ready")


async def test_one_that_is_slow_is_waited_for_and_a_person_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasonmed.backends._server._SAY_EVERY", 0.2)
    notes: list[str] = []
    made = back_end(entry(options={"slow": 0.8, "says": "loading shard 1 of 2"}), Servers(None, notes.append))
    await made.complete(ASKED)
    await made.aclose()
    assert notes[0].startswith("starting the server of m: vllm serve m")
    told = [note for note in notes if "is starting for" in note]
    assert told[-1].endswith("loading shard 1 of 2")
    assert "is ready after" in notes[-1]


async def test_a_port_that_is_another_programs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasonmed.backends._server._FREED", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        wrong = await failed(entry(port=port))
    assert isinstance(wrong, ModelNotServed)
    assert f"port {port}" in str(wrong)
    assert "another program's" in str(wrong)


async def test_one_that_serves_another_model_is_refused() -> None:
    wrong = await failed(entry(options={"serves": "other-7b"}))
    assert isinstance(wrong, ModelNotServed)
    assert "serves other-7b, and the entry's model is m" in str(wrong)


async def test_one_that_dies_in_the_middle_is_started_again_as_often_as_it_may(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    for number in range(3):
        (marks / f"{number}").touch()
    notes: list[str] = []
    made = back_end(entry(restarts=2, options={"dies-in": str(marks)}), Servers(tmp_path, notes.append))
    good, wrong = 0, None
    while wrong is None:
        try:
            await made.complete(ASKED)
        except Unreachable:
            await asyncio.sleep(0.05)
        except Unavailable as found:
            wrong = found
        else:
            good += 1
    await made.aclose()
    assert good == 6
    how = "the server of m was ended by SIGKILL (out of memory?): restart"
    said = [f"{how} {number} of 2 · RuntimeError: the engine is gone" for number in (1, 2)]
    assert [note for note in notes if "restart" in note] == said
    assert "after 2 restarts, as many as `restarts` allows" in str(wrong)


async def test_entries_with_one_command_share_a_server_and_others_have_their_own(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    both = "vllm serve base --port {port}"
    one, two, own = (
        back_end(made, servers)
        for made in (
            entry("base", command=both),
            entry("base", command=both, restarts=1),
            entry("base", command=f"{both} --max-model-len 9"),
        )
    )
    await asyncio.gather(*(made.complete(ASKED) for made in (one, two, own)))
    assert one.server is two.server
    assert own.server is not one.server
    assert len(_logs(tmp_path)) == 2
    for made in (one, two, own):
        await made.aclose()
    assert not alive(str(one.server.port))


async def test_a_model_that_is_closed_leaves_memory_and_comes_back_without_using_up_a_restart() -> None:
    made = back_end(entry(restarts=0))
    assert isinstance(made, Resident)
    for number in (1, 2):
        await made.open()
        port = str(made.server.port)
        assert alive(port)
        await made.open()
        assert (await made.complete(ASKED)).text
        assert made.server.starts == number
        await made.close()
        assert not alive(port)
        await made.close()
    await made.aclose()


async def test_a_shared_server_stays_until_its_last_entry_is_closed() -> None:
    servers = Servers()
    one, two = (back_end(entry(), servers) for _ in range(2))
    await one.open()
    await two.open()
    await one.close()
    assert (await two.complete(ASKED)).text
    assert two.server.starts == 1
    await two.close()
    assert not alive(str(two.server.port))
    for made in (one, two):
        await made.aclose()


async def test_a_run_that_is_to_end_waits_for_no_start() -> None:
    servers = Servers()
    made = back_end(entry(options={"never-ready": True}), servers)
    asked = asyncio.create_task(made.complete(ASKED))
    await asyncio.sleep(0.3)
    servers.hurry()
    with pytest.raises(Drained):
        await asked
    with pytest.raises(Drained):
        await made.complete(ASKED)
    await made.aclose()
    assert not alive("--never-ready")


async def test_keys_reach_neither_the_log_nor_a_server_that_was_not_given_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "a-token-of-somebody-7")
    monkeypatch.setenv("GITHUB_TOKEN", "another-token")
    monkeypatch.setenv("MY_FLAG", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    command = ["sh", "-c", "env; echo argv $0; exit 1", "{port}"]
    wrong = await failed(entry(env=["HF_TOKEN", "MY_FLAG"], command=command), Servers(tmp_path))
    log = (tmp_path / "server-1-m.log").read_text()
    assert "HF_TOKEN=***" in log
    assert {"CUDA_VISIBLE_DEVICES=3", "MY_FLAG=1", "VLLM_NO_USAGE_STATS=1"} <= {*log.split("\n")}
    assert "GITHUB_TOKEN" not in log
    assert "somebody" not in log + str(wrong)
    assert (tmp_path / "server-1-m.log").stat().st_mode & 0o077 == 0


async def test_a_log_is_bounded_and_its_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasonmed.backends._process._MOST", 2000)
    command = [
        "sh",
        "-c",
        'for i in $(seq 300); do echo "line $i $0"; done; printf "1 %%\\r99 %%\\nend"; exit 1',
        "{port}",
    ]
    wrong = await failed(entry(command=command), Servers(tmp_path))
    logs = _logs(tmp_path)
    assert [path.name for path in logs] == ["server-1-m.log", "server-1-m.log.1"]
    assert all(path.stat().st_size <= 2000 for path in logs)
    assert logs[0].read_text().endswith("\n99 %\nend\n")
    assert str(wrong).count("\n  | line ") == 10


_PARENT = """
import asyncio, sys
from reasonmed.backends import openai
from reasonmed.exchange import Message, Request, SamplingParameters
settings = openai.Settings.model_validate({"backend": "openai", "model": "m", "serve": {"engine": "vllm", "port": %d,
    "options": {"children": True}}})
asked = Request(model="m", messages=(Message("user", "hello"),), sampling=SamplingParameters(0.0, None, 9), stage="x")
async def main():
    made = openai.connect(settings, 4)
    await made.complete(asked)
    print("up", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def test_a_server_and_all_that_came_of_it_end_with_the_process_that_started_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    parent = subprocess.Popen([sys.executable, "-c", _PARENT % port], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "up\n"
    (keeper,) = (pid for pid in _children_of(parent.pid) if "_keeper" in _line_of(pid))
    family = [keeper, *_descendants(keeper)]
    assert len(family) == 4, "the keeper, the server, and its two children"
    parent.kill()
    parent.communicate()
    until(lambda: not alive(str(port)) and not any(_line_of(pid) for pid in family))


async def test_a_server_whose_keeper_is_killed_ends_too() -> None:
    made = back_end(entry())
    await made.complete(ASKED)
    port = str(made.server.port)
    (keeper,) = [pid for pid in _children_of(os.getpid()) if port in shlex.split(_line_of(pid))]
    os.kill(keeper, signal.SIGKILL)
    await asyncio.to_thread(until, lambda: not alive(port))
    with suppress(Unreachable):  # where nobody has noticed yet
        await made.complete(ASKED)
    await asyncio.sleep(0.2)
    assert (await made.complete(ASKED)).text
    assert made.server.starts == 2
    await made.aclose()


def _line_of(pid: int) -> str:
    """The command line of a process; empty where it is none, or has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ").strip()
    except OSError:
        return ""


def _children_of(pid: int) -> list[int]:
    text = "".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(one) for one in text.split()]


def _descendants(pid: int) -> list[int]:
    return [one for child in _children_of(pid) for one in (child, *_descendants(child))]
