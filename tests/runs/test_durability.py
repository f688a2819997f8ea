"""What happens to the file happens to nobody's data: torn ends, flipped bytes, full disks, copies, older runs."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reasonmed.errors import RequestRejected, RunDirectoryError, UsageError
from reasonmed.recipe.shipped import resource as shipped
from reasonmed.runs.diff import changes, summary
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.job import RunJob, execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.rebuild import rebuild
from reasonmed.runs.resume import job_of, recipe_of, retire
from reasonmed.runs.status import status_of
from reasonmed.types import Story
from runs import World, content, questions, run, untroubled
from support import recipe


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@settings(
    max_examples=25 if "REASONMED_EVERY_STEP" in os.environ else 6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    stop=st.integers(20, 200),
    cut=st.integers(0, 40_000),
    flip=st.integers(0, 20_000),
    which=st.sampled_from(["cut", "flip"]),
)
def test_a_ledger_with_a_torn_or_flipped_end_gives_the_same_records(stop: int, cut: int, flip: int, which: str) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        world, folder = World(patch), Path(name)
        world.stop_after = world.requests + stop
        directory = run(folder / "run", questions(4))
        data = bytearray(directory.ledger_path.read_bytes())
        if which == "cut":
            del data[max(0, len(data) - cut) :]
        else:
            for place in range(max(0, len(data) - flip), max(0, len(data) - flip) + 64):
                if place < len(data):
                    data[place] ^= 0xFF
        directory.ledger_path.write_bytes(data)
        world.stop_after = None
        assert content(run(folder / "run", questions(4))) == untroubled(4)


def test_a_torn_write_ahead_log_loses_only_its_end(world: World, tmp_path: Path) -> None:
    """As after a power failure: the log is torn, the process is gone, nothing was closed."""
    whole = content(run(tmp_path / "whole", questions(3)))
    world.stop_after = world.requests + 60
    directory = run(tmp_path / "run", questions(3))
    with closing(sqlite3.connect(directory.ledger_path)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        connection.execute("INSERT INTO facts VALUES ('late', 'x')")
        connection.commit()
        for suffix in ("", "-wal"):
            shutil.copy(f"{directory.ledger_path}{suffix}", f"{tmp_path}/copy{suffix}")
    for suffix in ("", "-wal"):
        shutil.copy(f"{tmp_path}/copy{suffix}", f"{directory.ledger_path}{suffix}")
    log = Path(f"{directory.ledger_path}-wal")
    log.write_bytes(log.read_bytes()[:-700])
    world.stop_after = None
    paid = world.requests
    assert content(run(tmp_path / "run", questions(3))) == whole
    assert world.requests > paid


def test_a_damaged_ledger_is_kept_and_said(world: World, tmp_path: Path) -> None:
    directory = run(tmp_path / "run", questions(6))
    before, paid = content(directory), world.requests
    size = directory.ledger_path.stat().st_size
    with directory.ledger_path.open("r+b") as file:
        file.truncate(size // 2)
    watch = Watch()
    asyncio.run(execute(job_of_fresh(directory), watch))
    assert content(directory) == before
    assert any("the ledger was damaged" in note for note in watch.notes)
    assert (directory.path / "ledger.damaged-1.db").stat().st_size == size // 2
    assert 0 < world.requests - paid < paid


def job_of_fresh(directory: RunDirectory) -> RunJob[Story, Story]:
    """The job of the same questions, taken in anew: a damaged ledger may have lost them."""
    from reasonmed.runs.commands.run import synthesis_job
    from reasonmed.runs.intake import Selection, take_in

    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in questions(6)), Selection())
    return synthesis_job(intake, recipe(), directory)


def test_a_full_disk_stops_the_run_clearly_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """A real limit of the operating system on the size of files, in a process of its own."""
    command = [sys.executable, "-m", "reasonmed", "run", str(shipped("examples", "questions.json")), "-r", "scripted"]
    command += ["-o", "run", "--max-failures", "100%"]

    full = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, preexec_fn=limit_files)
    assert full.returncode == 5, full.stderr
    assert "cannot be written" in full.stderr
    assert "Traceback" not in full.stderr
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    fresh = subprocess.run(
        [*command[:-4], "-o", "fresh", *command[-2:]], cwd=tmp_path, capture_output=True, check=False
    )
    assert fresh.returncode == 0
    assert (tmp_path / "run" / "records.jsonl").read_bytes() == (tmp_path / "fresh" / "records.jsonl").read_bytes()


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))


def test_a_rebuild_asks_nothing_and_gives_the_same_bytes(world: World, tmp_path: Path) -> None:
    directory = run(tmp_path / "run", questions(8), recipe(score={"sample": 3}))
    before, paid = content(directory), world.requests
    directory.records_path.unlink()
    found = asyncio.run(rebuild(directory))
    assert world.requests == paid
    assert content(directory) == before
    assert (found.questions, found.changed) == (8, [])
    assert asyncio.run(rebuild(directory)).identical


def test_a_rebuild_uses_the_templates_of_its_time(world: World, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "rank.md").write_text('Grade: {{ question }} {{ chain_of_thought }} {% include "scale.md" %}')
    (tmp_path / "mine" / "scale.md").write_text("0 to 5")
    made = recipe().model_copy(update={"prompts": tmp_path / "mine"})
    directory = run(tmp_path / "run", questions(8), made)
    before = content(directory)
    shutil.rmtree(tmp_path / "mine")
    assert asyncio.run(rebuild(directory)).identical
    assert content(directory) == before
    assert world.requests


def test_a_rebuild_without_a_recorded_call_changes_nothing(world: World, tmp_path: Path) -> None:
    directory = run(tmp_path / "run", questions(4))
    before = content(directory)
    with closing(sqlite3.connect(directory.ledger_path)) as connection:
        connection.execute("DELETE FROM calls WHERE stage = 'verify'")
        connection.commit()
    with pytest.raises(RunDirectoryError, match="a verify request of q0 is not recorded"):
        asyncio.run(rebuild(directory))
    assert content(directory) == before
    assert world.requests


def test_a_rebuild_without_a_recorded_score_keeps_the_scores(world: World, tmp_path: Path) -> None:
    directory = run(tmp_path / "run", questions(4), recipe(score={"sample": 3}))
    with closing(sqlite3.connect(directory.ledger_path)) as connection:
        before = connection.execute("SELECT * FROM scores ORDER BY record").fetchall()
        connection.execute("DELETE FROM calls WHERE stage = 'score'")
        connection.commit()
    with pytest.raises(RunDirectoryError, match="a score request of q0#1 is not recorded"):
        asyncio.run(rebuild(directory))
    with closing(sqlite3.connect(directory.ledger_path)) as connection:
        assert connection.execute("SELECT * FROM scores ORDER BY record").fetchall() == before
    assert len(before) == 3
    assert world.requests


def test_retry_asks_again_only_what_its_class_ended(world: World, tmp_path: Path) -> None:
    refused = {"q1": "context", "q2": "filter"}

    def refuse(name: str, stage: str) -> None:
        if stage == "generate" and name in refused:
            raise RequestRejected("no", refused[name])

    world.refuse = refuse
    directory = run(tmp_path / "run", questions(4))
    assert status_of(directory).reasons.get("no_chain") == 2
    refused.clear()
    paid = world.requests
    assert retire(directory, ["context"]) == 1
    asyncio.run(execute(job_of(directory, recipe()), Watch()))
    assert status_of(directory).reasons.get("no_chain") == 1
    assert 9 <= world.requests - paid < 40
    with pytest.raises(UsageError, match="--class moon"):
        retire(directory, ["moon"])


def test_retry_asks_the_question_itself_where_another_ones_id_begins_alike(world: World, tmp_path: Path) -> None:
    def refuse(name: str, stage: str) -> None:
        if stage == "generate" and name == "c#x":
            raise RequestRejected("no", "context")

    world.refuse = refuse
    rows = [replace(one, id=name) for one, name in zip(questions(2), ("c", "c#x"), strict=True)]
    directory = run(tmp_path / "run", rows)
    assert retire(directory, ["context"]) == 1
    with closing(directory.reader()) as ledger:
        assert [name for (name,) in ledger.query("SELECT id FROM outcomes")] == ["c"]


def test_a_diff_names_the_changed_records_and_the_calls_behind_them(world: World, tmp_path: Path) -> None:
    one = run(tmp_path / "one", questions(8))
    same = run(tmp_path / "same", questions(8))
    assert list(changes(one, same)) == []
    other = run(tmp_path / "other", questions(8), recipe(summarize={"temperature": 0.1}))
    found = list(changes(one, other))
    assert found
    assert set(summary(found)) == {"changed: summarize: asked in one run only"}
    fewer = run(tmp_path / "fewer", questions(4))
    assert {change.kind for change in changes(one, fewer)} == {"removed"}
    assert world.requests


def test_a_diff_names_the_calls_that_scored_records(world: World, tmp_path: Path) -> None:
    one = run(tmp_path / "one", questions(8), recipe(score={"sample": 1, "seed": 1}))
    scored = run(tmp_path / "scored", questions(8), recipe(score={"sample": 20, "seed": 1}))
    assert set(summary(list(changes(one, scored)))) == {"changed: score: asked in one run only"}
    assert world.requests


def test_calls_of_a_question_are_not_those_of_one_whose_id_begins_alike(world: World, tmp_path: Path) -> None:
    rows = [replace(one, id=name) for one, name in zip(questions(3), ("c", "c#x", "c_"), strict=True)]
    directory = run(tmp_path / "run", rows)
    with closing(directory.reader()) as ledger:
        found = {name: {call.key for call in ledger.calls_of(name)} for name in ("c", "c#x")}
        asked = list(ledger.query("SELECT question, key FROM calls"))
    for name, keys in found.items():
        assert keys == {key for question, key in asked if question in (name, f"{name}#1", f"{name}#2")}
    assert 0 < len(found["c"]) + len(found["c#x"]) < len(asked)
    assert world.requests


def test_a_run_can_go_on_from_its_directory_alone(world: World, tmp_path: Path) -> None:
    whole = content(run(tmp_path / "whole", questions(5)))
    world.stop_after = world.requests + 70
    directory = run(tmp_path / "run", questions(5))
    world.stop_after = None
    asyncio.run(execute(job_of(directory), Watch()))
    assert content(directory) == whole
    assert recipe_of(directory).stages == recipe().stages
    with pytest.raises(RunDirectoryError):
        recipe_of(RunDirectory(tmp_path))


def test_the_manifest_holds_no_key(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret-0123456789")
    directory = run(tmp_path / "run", questions(2))
    for path in directory.path.iterdir():
        assert b"sk-very-secret" not in path.read_bytes()
    assert json.loads(directory.manifest_path.read_text())["recipe"]
    assert world.requests
    assert os.environ["MY_KEY"]
