"""Questions that may identify patients: found before anything is sent, named without the string, and recorded."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from killed_at import Commands, Ended
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.patients import Screened, screen
from reasonmed.types import Story
from support import chain, question

MRN, PHONE, MAIL = "7741-8826", "(617) 555-0142", "pat.jones@example.org"
ROWS = [
    {"id": "clean", "question": "A man of 61 with fever. Which drug?"},
    {"id": "first", "question": f"MRN: {MRN}. A woman with cough. Which drug?"},
    {"id": "12/03/2019", "question": f"Call {PHONE} or {MAIL}. Which drug?"},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    rows = [{**row, "options": ["a", "b", "c", "d"], "answer": "B"} for row in ROWS]
    (made / "q.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    entry = {"backend": "openai", "base_url": "http://models.invalid:9/v1", "model": "m"}
    stages: dict[str, Any] = {"generate": {"models": ["m"], "temperatures": [0.7], "samples": 3}}
    stages |= {"verify": {"model": "m"}, "route": {"easy": 0, "medium": 1}}
    (made / "away.yaml").write_text(json.dumps({"models": {"m": entry}, "stages": stages}), encoding="utf-8")
    return made


def _names_no_string(ended: Ended) -> None:
    for value in (MRN, PHONE, MAIL, "12/03/2019"):
        assert value not in ended.shown


def _decisions(folder: Path, run: str = "run") -> Any:
    return json.loads((folder / run / "run.json").read_text(encoding="utf-8")).get("phi")


def test_kinds_and_places_are_counted_and_no_string_is_in_them() -> None:
    stories = [
        Story(question("clean")),
        Story(question("q2", context=f"MRN {MRN}"), (chain(f"write to {MAIL}, {MAIL}"),)),
        Story(question(f"{PHONE}", meta={"note": MAIL}, context="seen on March 3, 2019")),
    ]
    found = screen(stories)
    assert found == Screened(
        3,
        2,
        {"date": 1, "mrn": 1, "email": 1},
        ("q2 (mrn in the context, email in the chain of thought)", "row 3 (date in the context)"),
    )


def test_refusing_ends_a_run_before_anything_is_written(commands: Commands, folder: Path) -> None:
    before = set(folder.rglob("*"))
    ended = commands.run(folder, ["run", "q.jsonl", "-r", "scripted", "-o", "run", "--phi", "refuse"])
    assert ended.code == 2, ended.shown
    assert "2 of 3 questions may identify patients (phone 1, mrn 1, email 1)" in ended.shown
    assert "first (mrn in the question), row 3 (" in ended.shown
    assert "De-identify the file" in ended.shown
    assert set(folder.rglob("*")) == before
    _names_no_string(ended)


def test_models_on_this_machine_get_what_they_get_and_a_person_may_still_ask(commands: Commands, folder: Path) -> None:
    run = ["run", "q.jsonl", "-r", "scripted", "-o", "run"]
    quiet = commands.run(folder, run)
    assert "identify" not in quiet.shown
    assert _decisions(folder) is None
    before = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    warned = commands.run(folder, [*run, "--phi", "warn"])
    assert warned.code == quiet.code
    assert "may identify patients" in warned.shown
    _names_no_string(warned)
    found = {"mode": "warn", "screened": 3, "questions": 2, "kinds": {"phone": 1, "mrn": 1, "email": 1}}
    assert _decisions(folder) == [found]
    assert "identify" not in commands.run(folder, [*run, "--phi", "off"]).shown
    commands.run(folder, [*run, "--phi", "off"])
    assert _decisions(folder) == [found, {"mode": "off"}]
    after = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    assert {name: value for name, value in after.items() if name != "phi"} == before
    told = ["export", "run", "-o", "data", "--demo", "--format", "records"]
    assert commands.run(folder, told).code == 0
    card = (folder / "data" / "README.md").read_text(encoding="utf-8")
    assert "2 of 3 questions had patterns of personal data (phone 1, mrn 1, email 1) and were sent all the same" in card
    assert "not screened for personal data before they were sent, by choice" in card


def test_a_model_elsewhere_is_warned_of_by_default(commands: Commands, folder: Path) -> None:
    ended = commands.run(folder, ["run", "q.jsonl", "-r", "away.yaml", "-o", "run"])
    assert ended.code == 5, ended.shown
    assert "m: sends to http://models.invalid:9" in ended.shown
    assert "2 of 3 questions may identify patients" in ended.shown
    assert "m is not on this machine" in ended.shown
    assert _decisions(folder)[0]["mode"] == "warn"
    _names_no_string(ended)


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "q.jsonl", "-r", "scripted", "-o", "cots.jsonl"],
        ["plan", "q.jsonl", "-r", "scripted", "-o", "run"],
        ["judge-card", "q.jsonl", "-r", "scripted", "--write-chains"],
        ["evaluate", "q.jsonl", "-r", "scripted", "-m", "one"],
    ],
)
def test_every_command_that_sends_questions_can_refuse(commands: Commands, folder: Path, words: list[str]) -> None:
    ended = commands.run(folder, [*words, "--phi", "refuse"])
    assert ended.code == 2, ended.shown
    assert "may identify patients" in ended.shown
    assert "Nothing was sent" in ended.shown
    assert not list(folder.rglob("ledger.db"))


def test_a_run_that_is_taken_up_without_its_file_is_screened_too(commands: Commands, folder: Path) -> None:
    commands.run(folder, ["run", "q.jsonl", "-r", "scripted", "-o", "run"])
    ended = commands.run(folder, ["retry", "run", "--class", "unparsable", "--phi", "refuse"])
    assert ended.code == 2, ended.shown
    assert "2 of 3 questions may identify patients" in ended.shown


def test_a_mode_that_is_none_is_refused(commands: Commands, folder: Path) -> None:
    ended = commands.run(folder, ["run", "q.jsonl", "-r", "scripted", "--phi", "redact"])
    assert ended.code == 2
    assert "--phi 'redact': it must be warn, refuse, off" in ended.shown


def test_a_torn_row_of_a_ledger_is_named_and_is_no_crash(
    commands: Commands, run26: RunDirectory, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    shutil.copytree(run26.path, tmp_path / "work" / "run")
    with closing(sqlite3.connect(tmp_path / "work" / "run" / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE items SET story = x'00' WHERE position = 1")
    ended = commands.run(tmp_path / "work", ["retry", "run", "--class", "context", "--phi", "warn"])
    assert ended.code == 2, ended.shown
    assert "ledger.db" in ended.shown
