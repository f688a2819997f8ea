"""Several files as the rows of one run: each question once, every row counted, and what differs at a resume."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

import reasonmed
from reasonmed.cli import app
from reasonmed.errors import UsageError
from reasonmed.questions import Settings
from reasonmed.questions.leads import same_question
from reasonmed.runs.commands.run import sources_of
from reasonmed.runs.intake import Intake, Selection, take_in, wanted
from reasonmed.runs.manifest import Input, InputFile
from reasonmed.runs.sources import labels_of, other_files
from reasonmed.types import Question

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ["a slow pulse", "a fast pulse", "a cold hand"]


def row(name: str, stem: str = "", **others: Any) -> dict[str, Any]:
    made = {"id": name, "question": stem or f"What is sign {name} of case {name}?", "options": OPTIONS, "answer": "B"}
    return made | others


def written(folder: Path, name: str, *rows: dict[str, Any]) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text("".join(f"{json.dumps(one)}\n" for one in rows))
    return path


def table(folder: Path, name: str, *rows: dict[str, Any]) -> Path:
    path = folder / name
    with path.open("w", newline="") as file:
        sink = csv.DictWriter(file, ["Nr", "Frage", "Wahl 1", "Wahl 2", "Wahl 3", "Key"])
        sink.writeheader()
        for one in rows:
            choices = {f"Wahl {n}": text for n, text in enumerate(one["options"], 1)}
            sink.writerow({"Nr": one["id"], "Frage": one["question"], **choices, "Key": one["answer"]})
    return path


MAP = "id=Nr,question=Frage,options=Wahl 1|Wahl 2|Wahl 3,answer=Key"


def taken(*paths: Path, **settings: Any) -> Intake:
    given = sources_of(paths, Settings(**settings))
    return take_in(given.file, given.rows, Selection())


def counts(intake: Intake) -> list[tuple[str, int, int, int, int]]:
    return [(one.file, one.rows, one.questions, one.repeated, one.bad) for one in intake.files]


def test_a_question_that_an_earlier_file_has_is_taken_once_and_counted(tmp_path: Path) -> None:
    one = written(tmp_path, "a.jsonl", row("q1"), row("q2"))
    other = written(tmp_path, "b.jsonl", row("q2", source="elsewhere"), row("q3"))
    found = taken(one, other)
    assert counts(found) == [("a.jsonl", 2, 2, 0, 0), ("b.jsonl", 2, 1, 1, 0)]
    assert [(story.question.id, story.question.source) for story in wanted(found)] == [
        ("q1", "a"),
        ("q2", "a"),
        ("q3", "b"),
    ]


def test_another_question_under_the_same_id_is_a_bad_row_with_both_places_and_what_differs(tmp_path: Path) -> None:
    one = written(tmp_path, "a.jsonl", row("q1"), row("q2"))
    other = written(tmp_path, "b.jsonl", row("q2", answer="C"), row("q1", "Another question altogether?"))
    found = taken(one, other)
    key, stem = found.survey.bad
    assert "row 2 of a.jsonl and row 1 of b.jsonl; they differ in the key (B, C)" in str(key)
    assert "row 1 of a.jsonl and row 2 of b.jsonl; they differ in stem" in str(stem)
    assert counts(found)[1] == ("b.jsonl", 2, 0, 0, 2)
    assert [story.question.id for story in wanted(found)] == ["q1", "q2"]


def test_a_question_that_only_a_later_file_holds_out_is_a_bad_row(tmp_path: Path) -> None:
    one = written(tmp_path, "a.jsonl", row("q1", split="train"), row("q2", split="test"), row("q3", split="dev"))
    other = written(tmp_path, "b.jsonl", row("q1", split="test"), row("q2", split="train"), row("q3", split="val"))
    found = taken(one, other)
    assert "row 1 of a.jsonl and row 1 of b.jsonl; they differ in the split (train, test)" in str(found.survey.bad[0])
    assert counts(found)[1] == ("b.jsonl", 3, 0, 2, 1)


def test_an_id_twice_in_one_file_stays_a_bad_row(tmp_path: Path) -> None:
    found = taken(written(tmp_path, "a.jsonl", row("q1"), row("q1")), written(tmp_path, "b.jsonl", row("q2")))
    assert counts(found) == [("a.jsonl", 2, 1, 0, 1), ("b.jsonl", 1, 1, 0, 0)]


def test_the_same_question_under_another_id_is_counted_and_both_are_kept(tmp_path: Path) -> None:
    one = written(tmp_path, "a.jsonl", row("q1", "Slow thyroid: which sign?"))
    other = written(tmp_path, "b.jsonl", row("x", "Which of the following is correct? Slow thyroid: which sign?"))
    found = taken(one, other)
    assert found.alike == (1, ("'x' of b.jsonl is 'q1' of a.jsonl",))
    assert found.survey.wanted == 2


def test_mapped_names_apply_to_the_files_that_have_such_columns(tmp_path: Path) -> None:
    one, other = written(tmp_path, "a.jsonl", row("q1")), table(tmp_path, "b.csv", row("q2"))
    names = dict(part.split("=") for part in MAP.split(","))
    given = sources_of([one, other], Settings(names=names))
    assert given.mapped == ("b.csv",)
    assert [story.question.id for story in wanted(take_in(given.file, given.rows, Selection()))] == ["q1", "q2"]
    with pytest.raises(UsageError, match=r"--map names Stem: no such column in a\.jsonl, b\.csv"):
        sources_of([one, other], Settings(names={"question": "Stem"}))


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    one, other = written(tmp_path, "x/f.jsonl", row("q1")), written(tmp_path, "y/f.jsonl", row("q2"))
    assert [one.file for one in taken(one, other).files] == ["x/f.jsonl", "y/f.jsonl"]
    with pytest.raises(UsageError, match="given twice"):
        labels_of([one, tmp_path / "y" / ".." / "x" / "f.jsonl"])


def file(name: str, mark: str = "1") -> InputFile:
    return InputFile(name, mark, 1, 1, 0, 0)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ([file("a"), file("b")], []),
        ([file("b"), file("a")], ["in another order"]),
        ([file("a"), file("c")], ["began with b too", "began without c"]),
        ([file("a"), file("b", "2")], ["not the same as when the run began: b"]),
    ],
)
def test_what_differs_from_the_files_of_a_run_is_said(now: list[InputFile], said: list[str]) -> None:
    found = list(other_files(Input("a+b", "x", [file("a"), file("b")]), Input("other", "y", now)))
    assert len(found) == len(said)
    assert all(words in line for words, line in zip(said, found, strict=True))


def test_a_run_of_one_file_says_nothing_of_files() -> None:
    assert not list(other_files(Input("a.jsonl", "x"), Input("b.jsonl", "y")))


def command(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return " ".join(done.output.split())


def test_a_run_of_two_files_counts_every_row_resumes_and_says_what_another_list_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "a.jsonl", row("q1"), row("q2"))
    table(tmp_path, "b.csv", row("q2", answer="a fast pulse"), row("q3", answer="a fast pulse"))
    written(tmp_path, "c.jsonl", row("q4"))
    words = ("run", "a.jsonl", "b.csv", "--map", MAP, "-r", "scripted", "--max-failures", "100%")
    said = command(*words)
    assert "a.jsonl: 2 rows: 2 questions, 0 repeated, 0 bad" in said
    assert "b.csv: 2 rows: 1 questions, 1 repeated, 0 bad" in said
    assert "--map applies to b.csv" in said
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("a+b-")
    manifest = json.loads((folder / "run.json").read_text())
    assert [one["file"] for one in manifest["input"]["files"]] == ["a.jsonl", "b.csv"]
    texts = [(folder / f"{name}.jsonl").read_text() for name in ("records", "failures")]
    ended = [json.loads(line) for text in texts for line in text.splitlines()]
    assert {one["question_id"] for one in ended} == {"q1", "q2", "q3"}
    assert {one["source"] for one in ended if "source" in one} <= {"a", "b"}

    assert "already finished; no requests sent" in command(*words)
    more = command("run", "a.jsonl", "c.jsonl", "-r", "scripted", "-o", folder, "--max-failures", "100%")
    assert "this run began with b.csv too" in more
    assert "this run began without c.jsonl" in more


def test_a_plan_prints_the_run_of_all_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "a.jsonl", row("q1"))
    written(tmp_path, "b.jsonl", row("q2"))
    said = command("plan", "a.jsonl", "b.jsonl", "-r", "scripted", "--pilot", "2")
    assert "reasonmed run a.jsonl b.jsonl -o runs/" in said
    assert "2 questions (a 1; b 1)" in said


def test_python_takes_a_list_of_files(tmp_path: Path) -> None:
    files: list[str | Path] = [written(tmp_path, "a.jsonl", row("q1")), str(written(tmp_path, "b.jsonl", row("q2")))]
    made = reasonmed.synthesize(files, "scripted", out=tmp_path / "run")
    assert made.status().questions == 2


PLAIN = Question("a", "Enzyme that is lacking in Gaucher disease?", tuple(OPTIONS), 1)


@pytest.mark.parametrize(
    "stem",
    [
        "Which of the following is correct? Enzyme that is lacking in Gaucher disease",
        "Choose the best answer: ENZYME THAT IS LACKING IN GAUCHER DISEASE:",
        "Enzyme that is lacking in Gaucher disease is which of the following?",
        "Welche Aussage ist richtig? Enzyme that is lacking in Gaucher disease",
        "下列哪一项是正确的: Enzyme that is lacking in Gaucher disease",
    ],
)
def test_a_stem_under_another_lead_is_the_same_question(stem: str) -> None:
    assert same_question(replace(PLAIN, stem=stem)) == same_question(PLAIN)


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, stem="Enzyme that is not lacking in Gaucher disease?"),
        replace(PLAIN, stem="In children: enzyme that is lacking in Gaucher disease?"),
        replace(PLAIN, options=("one", "two", "three")),
        replace(PLAIN, context="A child."),
    ],
)
def test_another_question_is_not_the_same_under_any_lead(other: Question) -> None:
    assert same_question(other) != same_question(PLAIN)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Which of the following is correct?", "Which statement is true?", True),
        ("Which of the following is correct?", "Which of the following is false?", False),
        ("Which of the following is correct?", "Which of the following is NOT correct?", False),
        ("All of the following are true except", "Which of the following is true?", False),
        ("下列说法正确的是", "下列说法错误的是", False),
        ("正しいのはどれか", "誤っているのはどれか", False),
        ("옳은 것은?", "옳지 않은 것은?", False),
        ("Deficiency of vitamin A", "Deficiency of vitamin E", False),
    ],
)
def test_stems_that_only_ask_are_told_apart_by_options_and_by_what_turns_them_round(
    one: str, other: str, *, same: bool
) -> None:
    first, second = replace(PLAIN, stem=one), replace(PLAIN, stem=other)
    assert (same_question(first) == same_question(second)) is same


def test_questions_reports_duplicates_across_files_and_writes_each_question_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "a.jsonl", row("q1"), row("q2", "Slow thyroid: which sign?"))
    table(tmp_path, "b.csv", row("q1"), row("x", "Which is correct? Slow thyroid: which sign?"))
    said = command("questions", "a.jsonl", "b.csv", "--map", MAP, "-o", "all.jsonl")
    assert "x: same as q2" in said
    assert "b.csv: 2 rows: 1 questions, 1 repeated, 0 bad" in said
    assert [json.loads(line)["id"] for line in (tmp_path / "all.jsonl").read_text().splitlines()] == ["q1", "q2", "x"]
