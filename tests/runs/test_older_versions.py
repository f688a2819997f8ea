"""Run directories of older code: one of this format is resumed, one of version 0.1.0 is read and reused alone."""

from __future__ import annotations

import asyncio
import json
import tarfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from reasonmed import parsing
from reasonmed.cli import app
from reasonmed.questions import Settings
from reasonmed.runs.commands.run import question_source, synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.resume import recipe_of

_FROZEN = Path(__file__).with_name("run_of_0_1_0.tar.gz")
"""Three questions, two with records, as version 0.1.0 left them after `reasonmed run q.jsonl -r scripted -o old`."""

_BEGUN = Path(__file__).with_name("begun_run.tar.gz")
"""Three questions, as a scripted run left them whose service went away after 45 of its 62 calls, when SQL on the ledger
still stood all over the code; and the files of the whole run."""


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with tarfile.open(_FROZEN) as frozen:
        frozen.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "old"


def reasonmed(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith("ledger.db-")}


def test_status_why_export_check_and_diff_read_it(old: Path) -> None:
    before = content(old)
    status = json.loads(reasonmed("status", "old", "--json").output)
    assert (status["state"], status["questions"], status["records"], status["failures"]) == ("finished", 3, 4, 1)
    told = reasonmed("why", "old", "a1")
    assert (told.exit_code, "chain-9 " in told.output) == (0, True)
    made = reasonmed("export", "old", "-o", "data", "--demo", "--format", "records,trl-sft,kto")
    assert made.exit_code == 0, made.output
    rows = [json.loads(line) for line in Path("data/records/train.jsonl").read_text("utf-8").splitlines()]
    theirs = [json.loads(line) for line in (old / "records.jsonl").read_text("utf-8").splitlines()]
    for row, was in zip(rows, theirs, strict=True):
        place = was["provenance"]["parent"] + 1
        assert row["provenance"].pop("parent") == f"{was['question_id']}/chain-{place}"
        del was["provenance"]["parent"]
        counts = was["provenance"]["chains"]
        assert row.pop("pass_rate") == counts.get("correct", 0) / (counts.get("correct", 0) + counts["error"])
        assert row["provenance"].pop("pass_rate")["correct"] == counts.get("correct", 0)
        assert row == was
    assert reasonmed("check", "old/records.jsonl", "--exact").exit_code in (0, 1)
    assert "no record differs" in reasonmed("diff", "old", "old").output
    assert content(old) == before


@pytest.mark.parametrize(
    "words",
    [
        ("run", "q.jsonl", "-r", "scripted", "-o", "old"),
        ("rebuild", "old"),
        ("retry", "old", "--class", "unparsable"),
    ],
)
def test_whatever_would_change_it_is_refused_and_names_fork(old: Path, words: tuple[str, ...]) -> None:
    before = content(old)
    refused = reasonmed(*words)
    assert "was made by reasonmed 0.1.0" in str(refused.exception)
    assert str(refused.exception).endswith("-o NEW --fork old")
    assert {name: text for name, text in content(old).items() if name != "run.lock"} == before


def test_a_fork_reuses_its_replies(old: Path, tmp_path: Path) -> None:
    intake = take_in(Path("q.jsonl"), question_source(Path("q.jsonl"), Settings()), Selection())
    directory = RunDirectory(old)
    job = synthesis_job(intake, recipe_of(directory), RunDirectory(tmp_path / "new"))
    asyncio.run(execute(replace(job, forks=(directory,)), Watch()))
    with closing(directory.reader()) as ledger:
        there = {key for (key,) in ledger.query("SELECT key FROM calls")}
    with closing(job.folder.reader()) as ledger:
        asked = dict(ledger.query("SELECT key, reused_from FROM calls"))
    reused = {key for key, origin in asked.items() if origin == "old"}
    assert reused == there & asked.keys()
    assert len(reused) >= 27


def test_a_run_that_older_code_began_is_resumed_as_if_nothing_had_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(_BEGUN) as frozen:
        frozen.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    directory = RunDirectory(Path("begun"))
    if directory.manifest().identity["parsing"] != parsing.VERSION:
        pytest.skip("the parsers of today may read other records from the same replies")
    with closing(directory.reader()) as ledger:
        paid = set(ledger.query("SELECT key, at, texts FROM calls"))
    intake = take_in(Path("q.jsonl"), question_source(Path("q.jsonl"), Settings()), Selection())
    watch = Watch()
    asyncio.run(execute(synthesis_job(intake, recipe_of(directory), directory), watch))
    with closing(directory.reader()) as ledger:
        calls = list(ledger.query("SELECT key, at, texts FROM calls"))
    assert paid < set(calls)
    assert (len(paid), len(calls)) == (45, 62)
    assert (watch.total, watch.done_before) == (3, 2)
    for name in ("records.jsonl", "failures.jsonl"):
        assert Path("begun", name).read_bytes() == Path("whole", name).read_bytes()
