"""Runs whose model is served by a program that they start: it dies, it is stopped, the run is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import stand_in_programs
from killed_at import Commands
from reasonmed import recipe as recipes
from reasonmed.cli import app
from reasonmed.errors import Drained, Unavailable, UsageError
from reasonmed.recipe.identity import identity_of
from reasonmed.recipe.options import Recipe
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import RunJob, execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.session import turned
from reasonmed.types import Story
from runs import questions
from stand_in_programs import alive, until


@pytest.fixture
def vllm(tmp_path: Path) -> str:
    return str(stand_in_programs.folder(tmp_path) / "vllm")


def text_of(vllm: str, serve: dict[str, Any]) -> str:
    """A recipe whose one model is served by the stand-in, with these options."""
    options = serve.pop("options", {})
    words = [word for name, value in options.items() for word in (f"--{name}", *([] if value is True else [value]))]
    command = [vllm, "serve", "{model}", "--port", "{port}", *words]
    entry = {"backend": "openai", "model": "m", "serve": {"command": command, **serve}}
    stages = {"generate": {"models": ["m"], "temperatures": [0.7, 1.0]}, "verify": {"model": "m"}}
    return json.dumps({"models": {"m": entry}, "stages": stages, "limits": {"in_flight": 2, "questions": 2}})


def made(vllm: str, **serve: Any) -> Recipe:
    return recipes.parse(text_of(vllm, serve), "test")


def job(folder: Path, recipe: Recipe) -> RunJob[Story, Story]:
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in questions(2)), Selection())
    return synthesis_job(intake, recipe, RunDirectory(folder))


def outputs(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in ("records.jsonl", "failures.jsonl")]


def marks(folder: Path, count: int) -> str:
    """So many deaths of a server that are left."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / str(number)).touch()
    return str(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What a run writes that nothing disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    asyncio.run(execute(job(folder / "run", made(str(stand_in_programs.folder(folder) / "vllm"))), Watch()))
    return outputs(folder / "run")


def test_a_server_that_dies_now_and_then_costs_no_row(vllm: str, tmp_path: Path, whole: list[bytes]) -> None:
    deaths = marks(tmp_path / "marks", 1)
    watch = Watch()
    asyncio.run(execute(job(tmp_path / "run", made(vllm, options={"dies-in": deaths})), watch))
    assert outputs(tmp_path / "run") == whole
    assert sum("restart" in note for note in watch.notes) == 1
    assert "RuntimeError: the engine is gone" in (tmp_path / "run" / "server-1-m.log").read_text()
    assert not alive(vllm)


def test_after_the_last_restart_the_run_ends_and_is_resumed(vllm: str, tmp_path: Path, whole: list[bytes]) -> None:
    deaths = marks(tmp_path / "marks", 2)
    made_once = made(vllm, restarts=1, options={"dies-in": deaths})
    with pytest.raises(Unavailable, match="after 1 restart, as many as `restarts` allows") as wrong:
        asyncio.run(execute(job(tmp_path / "run", made_once), Watch()))
    assert wrong.value.exit_code == 5
    assert not alive(vllm)
    asyncio.run(execute(job(tmp_path / "run", made_once), Watch()))
    assert outputs(tmp_path / "run") == whole


def test_how_a_model_is_served_is_no_part_of_the_identity_and_a_change_of_it_is_told(vllm: str, tmp_path: Path) -> None:
    one, other = made(vllm), made(vllm, restarts=7)
    assert identity_of(one) == identity_of(other)
    elsewhere = json.loads(text_of(vllm, {}))
    elsewhere["models"]["m"] = {"backend": "openai", "model": "m", "base_url": "http://127.0.0.1:9/v1"}
    assert identity_of(recipes.parse(json.dumps(elsewhere), "test")) == identity_of(one)
    asyncio.run(execute(job(tmp_path / "run", one), Watch()))
    watch = Watch()
    asyncio.run(execute(job(tmp_path / "run", other), watch))
    assert "changed since the last session: models.m.serve.restarts: was 3, is now 7" in watch.notes


def taking_turns(vllm: str, judge: str) -> Recipe:
    """Two models of which one is in memory at a time; the judge is served by the command of that one."""
    told = json.loads(text_of(vllm, {}))
    told["models"]["judge"] = json.loads(json.dumps(told["models"]["m"]))
    told["models"]["judge"]["system"] = "Judge."
    told["models"]["judge"]["serve"]["command"] += ["--says", judge]
    told["models"]["m"]["serve"]["command"] += ["--says", "writer"]
    told["stages"]["verify"]["model"] = "judge"
    told["limits"]["resident"] = 1
    return recipes.parse(json.dumps(told), "test")


def test_servers_that_do_not_fit_in_memory_together_take_turns(vllm: str, tmp_path: Path) -> None:
    watch = Watch()
    asyncio.run(execute(job(tmp_path / "run", taking_turns(vllm, "judge")), watch))
    assert [note.partition(":")[0] for note in watch.notes if "starting" in note] == ["starting the server of m"] * 2
    assert len(list((tmp_path / "run").glob("server-*.log"))) == 2
    with closing(RunDirectory(tmp_path / "run").reader()) as ledger:
        found = turned(ledger)
    assert found is not None
    assert [one.model for one in found.openings] == ["m", "judge"]
    assert found.switches == 1
    assert not alive(vllm)


def test_entries_with_one_server_take_one_turn(vllm: str, tmp_path: Path) -> None:
    watch = Watch()
    asyncio.run(execute(job(tmp_path / "run", taking_turns(vllm, "writer")), watch))
    assert sum("starting" in note for note in watch.notes) == 1
    with closing(RunDirectory(tmp_path / "run").reader()) as ledger:
        found = turned(ledger)
    assert found is not None
    assert found.switches == 0


@pytest.mark.parametrize(("options", "times"), [({"never-ready": True}, 1), ({"mute": True}, 2)])
async def test_ctrl_c_ends_the_server_with_the_run(
    options: dict[str, Any], times: int, vllm: str, tmp_path: Path
) -> None:
    """Once while it starts, and twice while requests are under way."""
    watch = Watch()
    under_way = asyncio.create_task(execute(job(tmp_path / "run", made(vllm, options=options)), watch))
    ready = "ready after" if times == 2 else "starting the server"
    await asyncio.to_thread(until, lambda: any(ready in note for note in watch.notes))
    await asyncio.sleep(0.3)
    assert alive(vllm)
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.05)
    with pytest.raises((Drained, asyncio.CancelledError)):
        await under_way
    assert not alive(vllm)


def test_nothing_is_started_unless_somebody_agreed_to_the_command(vllm: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(text_of(vllm, {}))
    words = ["run", "examples/questions.json", "-r", str(tmp_path / "recipe.yaml"), "-o", str(tmp_path / "run")]
    wrong = CliRunner().invoke(app, words).exception
    assert isinstance(wrong, UsageError)
    assert str(wrong).startswith(f"this recipe starts a program on this machine: {vllm} serve m --port PORT. Read")
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_killed_leaves_no_server_and_is_resumed(vllm: str, tmp_path: Path, commands: Commands) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "recipe.yaml").write_text(text_of(vllm, {"options": {"children": True}}))
    rows = [{"id": one.id, "question": one.stem, "options": [*one.options], "answer": "B"} for one in questions(4)]
    (folder / "q.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    words = ["run", "q.jsonl", "-r", "recipe.yaml", "-o", "run", "--yes", "--max-failures", "100%"]
    whole = commands.run(folder, words)
    assert whole.code == 0, whole.shown
    assert not alive(vllm)
    kept = outputs(folder / "run")
    (folder / "run").rename(folder / "whole")
    killed = commands.run(folder, words, kill_at=whole.changes - 12)
    assert killed.code == -9
    until(lambda: not alive(vllm) and not alive("600") and not alive("601"))
    assert commands.run(folder, words).code == 0
    assert outputs(folder / "run") == kept
