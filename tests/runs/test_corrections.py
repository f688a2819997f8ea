"""Corrected keys: only their questions start again, from the chains that are recorded, and nothing else changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from reasonmed import open_run, synthesize
from reasonmed.cli import app
from reasonmed.errors import Drained, RunDirectoryError, Unavailable, UsageError
from reasonmed.runs.commands.run import synthesis_job, with_keys
from reasonmed.runs.corrections import CorrectedKeys, correct, settle, under_key
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.manifest import Correction
from reasonmed.runs.progress import Watch
from reasonmed.runs.rebuild import rebuild
from reasonmed.runs.resume import job_of
from reasonmed.runs.status import status_of
from reasonmed.runs.stories import unpack_story
from reasonmed.types import Question, Story, Verdict
from runs import World, content, questions, run
from support import chain, question, recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.recipe.options import Recipe

BY = {"who": "A. Reader", "why": "see the guideline"}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four questions, to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        World(patch)
        return run(tmp_path_factory.mktemp("finished") / "run", questions(4)).path


@pytest.fixture
def directory(finished: Path, tmp_path: Path) -> RunDirectory:
    return RunDirectory(shutil.copytree(finished, tmp_path / "run"))


def fixes(folder: Path, *rows: dict[str, object]) -> Path:
    path = folder / "fixes.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def fix(
    folder: RunDirectory, rows: Sequence[Question], keys: Path, made: Recipe | None = None, *, skip_bad: bool = False
) -> Watch:
    """The run's own command with a file of fixes."""
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in rows), Selection())
    watch = Watch()
    job = with_keys(synthesis_job(intake, made or recipe(), folder), keys, skip_bad=skip_bad)
    with contextlib.suppress(Unavailable, Drained):
        asyncio.run(execute(job, watch))
    return watch


def by_question(path: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        found.setdefault(json.loads(line)["question_id"], []).append(line)
    return found


def made_of(directory: RunDirectory) -> dict[str, list[str]]:
    return by_question(directory.records_path) | by_question(directory.failures_path)


def calls_of(directory: RunDirectory, name: str, stage: str) -> set[bytes]:
    with closing(directory.reader()) as ledger:
        return {call.key for call in ledger.calls_of(name) if call.stage == stage}


def stories_of(directory: RunDirectory) -> dict[str, Story]:
    with closing(directory.reader()) as ledger:
        return {one.question.id: one for one in ledger.finished(unpack_story)}


def test_a_corrected_question_starts_again_from_its_chains_and_others_stay(
    world: World, directory: RunDirectory, tmp_path: Path
) -> None:
    before, story, chains = made_of(directory), stories_of(directory), calls_of(directory, "q1", "generate")
    fix(directory, questions(4), fixes(tmp_path, {"id": "q1", "key": "C", **BY}))

    after, now = made_of(directory), stories_of(directory)["q1"]
    assert {name: lines for name, lines in after.items() if name != "q1"} == {
        name: lines for name, lines in before.items() if name != "q1"
    }
    assert after["q1"] != before["q1"]
    assert now.question.answer == 2
    assert [one.text for one in now.chains] == [one.text for one in story["q1"].chains]
    assert calls_of(directory, "q1", "generate") == chains
    assert world.asked
    assert not [(name, stage) for name, stage in world.asked if name.partition("#")[0] != "q1" or stage == "generate"]
    with closing(directory.reader()) as ledger:
        ((made, former),) = ledger.corrections_of("q1", unpack_story)
        assert made == ("q1", "B", "C", BY["who"], BY["why"])
        assert former is not None
        assert (former.question, former.chains) == (story["q1"].question, story["q1"].chains)
        assert [one.score for one in former.kept or ()] != [one.score for one in story["q1"].kept or ()]
        assert not list(ledger.corrections_of("q2", unpack_story))
    assert [one.new for one in directory.manifest().corrections] == ["C"]


def test_a_run_keeps_its_corrections_whoever_resumes_or_rebuilds_it(
    world: World, directory: RunDirectory, tmp_path: Path
) -> None:
    rows = questions(4)
    keys = fixes(tmp_path, {"id": "q1", "key": "A", **BY}, {"id": "q3", "key": "C", **BY})
    fix(directory, rows, keys)
    made, paid = content(directory), world.requests

    assert content(run(directory.path, rows)) == made
    assert "already finished; no requests sent" in fix(directory, rows, keys).notes
    asyncio.run(execute(job_of(directory), Watch()))
    assert content(directory) == made
    assert asyncio.run(rebuild(directory)).identical
    assert [one.id for one in directory.manifest().corrections] == ["q1", "q3"]
    assert world.requests == paid


def test_a_file_that_is_corrected_too_fits_the_run_and_a_third_key_does_not(
    world: World, directory: RunDirectory, tmp_path: Path
) -> None:
    fix(directory, questions(4), fixes(tmp_path, {"id": "q1", "key": "A", **BY}))
    rows = [replace(one, source="other", answer=0 if one.id == "q1" else one.answer) for one in questions(4)]
    run(directory.path, rows)
    assert [one.question.answer for one in stories_of(directory).values()] == [0, 0, 2, 0]
    assert {one.question.source for one in stories_of(directory).values()} == {"other"}
    rows[1] = replace(rows[1], answer=3)
    with pytest.raises(RunDirectoryError, match="'q1' has changed"):
        run(directory.path, rows)


@pytest.mark.parametrize("key", ["A", None])
def test_a_file_that_is_corrected_before_the_run_is_takes_the_same_fixes(
    world: World, directory: RunDirectory, tmp_path: Path, key: str | None
) -> None:
    rows = [replace(one, answer=0 if one.id == "q1" else one.answer) for one in questions(4)]
    if key is None:
        rows[1], older = replace(rows[1], answer=3), replace(rows[1], answer=None)
        directory = run(tmp_path / "keyless", [rows[0], older, *rows[2:]])
    fix(directory, rows, fixes(tmp_path, {"id": "q1", "key": key or "D", **BY}))
    assert [one.question.answer for one in stories_of(directory).values()][1] == (0 if key else 3)
    assert [one.new for one in directory.manifest().corrections] == [key or "D"]
    paid = world.requests
    fix(directory, rows, fixes(tmp_path, {"id": "q1", "key": key or "D", **BY}))
    assert world.requests == paid


def test_verdicts_that_a_question_came_with_stay_until_its_key_is_corrected() -> None:
    story = Story(question(answer=0), (replace(chain(outcome=None), verdict=Verdict("correct", judge="file")),))
    wanted = [Correction(story.question.id, "A", "C", **BY)]
    assert CorrectedKeys([], wanted).corrected(story) == story
    assert CorrectedKeys(wanted).corrected(story) == under_key(story, "C")


def test_who_and_why_are_one_line_each_and_a_note_of_them_is_short(tmp_path: Path) -> None:
    said = {"who": "A.\n Reader", "why": "so:\nkey of q2: A to B, by nobody: " + "x" * 10_000}
    settled = settle(
        fixes(tmp_path, {"id": "q1", "key": "C", **said}), {"q1": replace(question(answer=0), id="q1")}, skip_bad=False
    )
    assert settled.applied[0].who == "A. Reader"
    assert len(settled.applied[0].why) > 10_000
    assert all("\n" not in note and len(note) < 1000 for note in settled.notes)


def test_a_file_of_fixes_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = fixes(tmp_path, {"id": "q1", "key": "C", **BY})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    known = {"q1": replace(question(answer=0), id="q1")}
    assert [one.new for one in settle(path, known, skip_bad=False).applied] == ["C"]


def test_a_run_that_begins_with_fixes_has_what_it_has_when_they_come_later(
    world: World, directory: RunDirectory, tmp_path: Path
) -> None:
    rows, keys = questions(4), fixes(tmp_path, {"id": "q0", "key": "D", **BY})
    fix(directory, rows, keys)
    first = RunDirectory(tmp_path / "first")
    fix(first, rows, keys)
    assert content(first) == content(directory)
    with closing(first.reader()) as ledger:
        assert [former for _, former in ledger.corrections_of("q0", unpack_story)] == [None]


def test_a_corrected_run_that_stops_ends_as_one_that_does_not(
    world: World, directory: RunDirectory, tmp_path: Path
) -> None:
    rows, keys = questions(4), fixes(tmp_path, {"id": "q1", "key": "A", **BY}, {"id": "q2", "key": "A", **BY})
    whole = RunDirectory(shutil.copytree(directory.path, tmp_path / "whole"))
    fix(whole, rows, keys)
    world.stop_after = world.requests + 1
    fix(directory, rows, keys)
    assert status_of(directory).unfinished
    world.stop_after = None
    assert content(run(directory.path, rows)) == content(whole)


def test_a_run_that_is_killed_behind_its_correction_notes_it_the_next_time(
    world: World, directory: RunDirectory, tmp_path: Path
) -> None:
    made = Correction("q1", "B", "C", "me", "so")
    with directory.writing(directory.manifest()) as ledger:
        correct(ledger, [made])
    assert status_of(directory).state == "drained"
    run(directory.path, questions(4))
    assert status_of(directory).state == "finished"
    assert directory.manifest().corrections == [made]


def test_a_damaged_ledger_keeps_its_corrections(world: World, directory: RunDirectory, tmp_path: Path) -> None:
    fix(directory, questions(4), fixes(tmp_path, {"id": "q1", "key": "C", **BY}))
    made = content(directory)
    with closing(sqlite3.connect(directory.ledger_path)) as connection:
        connection.execute("UPDATE outcomes SET story = x'00' WHERE id = 'q2'")
        connection.commit()
    assert content(run(directory.path, questions(4))) == made
    with closing(directory.reader()) as ledger:
        assert [former is not None for _, former in ledger.corrections_of("q1", unpack_story)] == [True]


def test_a_key_may_be_corrected_twice_and_back(world: World, directory: RunDirectory, tmp_path: Path) -> None:
    rows, made = questions(4), content(directory)
    fix(directory, rows, fixes(tmp_path, {"id": "q1", "key": "C", **BY}))
    paid = world.requests
    fix(directory, rows, fixes(tmp_path, {"id": "q1", "key": "B", "who": "another", "why": "it was right"}))
    assert content(directory) == made
    assert world.requests == paid
    with closing(directory.reader()) as ledger:
        found = [(one.old, one.new, former is not None) for one, former in ledger.corrections_of("q1", unpack_story)]
    assert found == [("B", "C", True), ("C", "B", True)]


def test_a_sample_of_scores_stays_where_it_is(world: World, tmp_path: Path) -> None:
    made, rows = recipe(score={"model": "one", "sample": 4}), questions(5)
    directory = run(tmp_path / "run", rows, made)
    before, corrected = made_of(directory), {"q1", "q4"}
    keys: list[dict[str, object]] = [{"id": name, "key": "D", **BY} for name in sorted(corrected)]
    fix(directory, rows, fixes(tmp_path, *keys), made)
    after = made_of(directory)
    assert {other: after[other] for other in before.keys() - corrected} == {
        other: before[other] for other in before.keys() - corrected
    }
    assert [after[name] for name in sorted(corrected)] != [before[name] for name in sorted(corrected)]
    assert asyncio.run(rebuild(directory)).identical


def test_verdicts_that_a_question_came_with_go_with_its_old_key() -> None:
    story = Story(question(answer=0), (chain(outcome=None),))
    judged = replace(story, chains=(replace(story.chains[0], verdict=Verdict("correct", judge="file")),))
    assert under_key(judged, "C") == replace(story, question=replace(story.question, answer=2))


KNOWN = {one.id: one for one in questions(3)}


@pytest.mark.parametrize("key", ["D", "(d)", "Option D", f"D. {KNOWN['q1'].options[3]}", KNOWN["q1"].options[3]])
def test_a_fix_names_a_letter_or_a_text(tmp_path: Path, key: str) -> None:
    (made,) = settle(fixes(tmp_path, {"id": "q1", "key": key, **BY}), KNOWN, skip_bad=False).applied
    assert (made.old, made.new) == ("B", "D")


def test_an_open_ended_question_gets_another_reference(tmp_path: Path) -> None:
    known = {"q1": Question("q1", "Why?", (), reference="old")}
    (made,) = settle(fixes(tmp_path, {"id": "q1", "key": "new", **BY}), known, skip_bad=False).applied
    assert (made.old, made.new) == ("old", "new")
    assert under_key(Story(known["q1"]), made.new).question == replace(known["q1"], reference="new")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"id": "q9", "key": "A", **BY}], ":1: id: the run has no question 'q9'"),
        ([{"id": "q1", "key": "F", **BY}], ":1: key: 'F' is not one of the options"),
        ([{"id": "q1", "key": 2, **BY}], ":1: key: must be a text, not 2"),
        ([{"id": "q1", "key": "2", **BY}], "may count from 0 or from 1; write the option's letter"),
        ([{"id": "q1", "key": "A, B", **BY}], "several keys"),
        ([{"id": "q1", "key": "A", "why": "so"}], ":1: who: is missing"),
        ([{"id": "q1", "key": "A", "who": "me", "why": " "}], ":1: why: must be a text"),
        ([{"id": "q2", "key": "A", **BY}, {"id": "q1", "key": "A", **BY}, {"id": "q1", "key": "C", **BY}],
         ":3: key: 'q1' is given several keys: A in line 2, C in line 3"),
        ([], "it has no row"),
    ],
)  # fmt: skip
def test_fixes_that_cannot_be_applied_are_refused_with_their_lines(
    tmp_path: Path, rows: list[dict[str, object]], said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        settle(fixes(tmp_path, *rows), KNOWN, skip_bad=False)
    assert said in str(refused.value)


def test_a_letter_that_is_another_options_text_must_be_written_out(tmp_path: Path) -> None:
    known = {"q1": replace(question(answer=3), options=("O", "A", "B", "AB"))}
    with pytest.raises(UsageError, match=r"write 'A\. O' or 'B\. A'"):
        settle(fixes(tmp_path, {"id": "q1", "key": "A", **BY}), known, skip_bad=False)
    (made,) = settle(fixes(tmp_path, {"id": "q1", "key": "B. A", **BY}), known, skip_bad=False).applied
    assert made.new == "B"


def test_a_file_of_refused_fixes_changes_nothing(world: World, directory: RunDirectory, tmp_path: Path) -> None:
    made, manifest = content(directory), directory.manifest_path.read_bytes()
    with pytest.raises(UsageError, match="1 bad row"):
        fix(directory, questions(4), fixes(tmp_path, {"id": "q1", "key": "A", **BY}, {"id": "q9", "key": "A", **BY}))
    assert content(directory) == made
    assert directory.manifest_path.read_bytes() == manifest
    assert not world.requests


def test_every_row_of_a_file_of_fixes_is_accounted_for(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": "q0", "key": "A", **BY},
        {"id": "q1", "key": "A", **BY},
        {"id": "q1", "key": "a", **BY},
        {"id": "q2", "key": "A", **BY},
        {"id": "q2", "key": "B", **BY},
        {"id": "gone", "key": "B", **BY},
    ]
    found = settle(fixes(tmp_path, *rows), KNOWN, skip_bad=True)
    assert found.notes[:2] == (
        "--keys: 6 rows, 1 applied, 2 the same as before, 3 refused",
        "key of q1: B to A, by A. Reader: see the guideline",
    )
    assert sorted(one.line for one in found.refused) == [4, 5, 6]


def test_the_command_why_and_the_card_tell_of_corrections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        {"id": f"k{n}", "question": f"Which sign is number {n}?", "options": [f"a{n}", f"b{n}", f"c{n}"], "answer": "A"}
        for n in range(3)
    ]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ["run", "rows.jsonl", "-r", "scripted", "-o", "run", "--max-failures", "100%"]
    assert CliRunner().invoke(app, words).exit_code == 0
    keys = fixes(tmp_path, {"id": "k1", "key": "c1", **BY}, {"id": "k2", "key": "B", "who": "*B*", "why": "erratum"})
    done = CliRunner().invoke(app, [*words, "--keys", str(keys)])
    assert done.exit_code == 0, done.output
    assert "2 applied" in done.output

    short, full = (CliRunner().invoke(app, ["why", "run", "k1", *more]).output for more in ([], ["--full"]))
    assert "key corrected: A to C, by A. Reader: see the guideline" in short
    assert "before:" in short
    assert full.count("chains of thought") == 2

    assert CliRunner().invoke(app, ["export", "run", "-o", "data", "--demo", "-f", "records"]).exit_code == 0
    card = Path("data/README.md").read_text(encoding="utf-8")
    assert r"2 keys were corrected after the question file was written, by \*B\* (1), A. Reader (1)" in card
    told = json.loads(Path("data/export.json").read_text(encoding="utf-8"))["card"]["run"]["corrections"]
    assert told[0] == {"id": "k1", "old": "A", "new": "C", **BY}


def test_python_corrects_keys_from_rows(tmp_path: Path) -> None:
    rows = [{"id": f"k{n}", "question": f"Sign {n}?", "options": ["x", "y"], "answer": "A"} for n in range(2)]
    out = tmp_path / "run"
    synthesize(rows, "scripted", out=out)
    made = synthesize(rows, "scripted", out=out, keys=[{"id": "k1", "key": "y", **BY}])
    assert [one.question.answer for one in open_run(made).stories()] == [0, 1]
