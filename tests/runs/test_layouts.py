"""Stories in files of both layouts: nothing is lost on the way out and back, and a file is known by its look."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reasonmed.errors import QuestionError
from reasonmed.questions import Settings
from reasonmed.runs.layouts import look, story_source, writer
from reasonmed.types import ChainOfThought, Kept, Question, Story, Verdict
from stories import OPTIONS, whole_stories

STAGES = ("generate", "verify", "route", "rank", "refine", "optimize", "summarize", "score")


def written(path: Path, story: Story, stage: str, layout: str) -> list[dict[str, Any]]:
    rows = [msgspec.to_builtins(row) for row in writer(layout)(story, stage)]
    path.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    return rows


def stories_in(path: Path, layout: str | None = None) -> list[Story | QuestionError]:
    return [
        replace(one, rows=()) if isinstance(one, Story) else one for one in story_source(path, layout, Settings())()
    ]


@given(story=whole_stories(), stage=st.sampled_from(STAGES), layout=st.sampled_from(["original", "native"]))
@settings(max_examples=60)
def test_a_story_that_is_written_and_read_is_the_same_story(story: Story, stage: str, layout: str) -> None:
    named = "row" if story.question.license else "none"  # who named a license goes with it
    story = replace(story, question=replace(story.question, license_source=named))
    with TemporaryDirectory() as folder:
        path = Path(folder, "x.jsonl")
        rows = written(path, story, stage, layout)
        if layout == "original":
            assert all("_reasonmed" not in row or list(row)[-1] == "_reasonmed" for row in rows)
        assert stories_in(path, layout) == [story]


NINE = {f"model{model}_COT{number}": f"  Chain {model}.{number}.\nAnswer: B\n" for model in (1, 2) for number in (1, 2)}
ROW: dict[str, Any] = {"id": "q1", "question": "Which drug?", "options": list(OPTIONS), "answer": "B"}


def test_a_consensus_of_the_models_is_in_no_field_that_holds_a_key(tmp_path: Path) -> None:
    story = Story(Question("q1", "Which drug?", OPTIONS, 2, answer_source="consensus"))
    (row,) = written(tmp_path / "x.jsonl", story, "verify", "original")
    assert not row.keys() & {"answer", "answer_index"}
    assert row["_reasonmed"]["question"] == {"answer": 2, "answer_source": "consensus"}


def test_a_key_that_is_added_by_hand_wins_over_a_consensus(tmp_path: Path) -> None:
    story = Story(Question("q1", "Which drug?", OPTIONS, 2, answer_source="consensus"))
    (row,) = written(tmp_path / "x.jsonl", story, "verify", "original")
    (tmp_path / "x.jsonl").write_text(json.dumps({**row, "answer": "Heparin"}))
    (again,) = stories_in(tmp_path / "x.jsonl")
    assert isinstance(again, Story)
    assert (again.question.answer, again.question.answer_source) == (0, "key")


def test_what_was_said_of_a_text_does_not_hold_for_an_edited_one(tmp_path: Path) -> None:
    verdict = Verdict("correct", "because", "judge")
    chain = ChainOfThought("It thins. Answer: B", "qwen", 1, 0.7)
    story = Story(Question("q1", "Which drug?", OPTIONS, 1), (chain,), kept=(Kept("Good. B", "o1", verdict=verdict),))
    (row,) = written(tmp_path / "x.jsonl", story, "refine", "original")
    edited = {**row, "model1_COT1": "No. Answer: A", "COT": "Other. A"}
    (tmp_path / "x.jsonl").write_text(json.dumps(edited))
    (again,) = stories_in(tmp_path / "x.jsonl")
    assert isinstance(again, Story)
    assert (again.chains[0].answer, again.chains[0].model, again.chains[0].temperature) == (0, "qwen", 0.7)
    assert again.kept
    assert (again.kept[0].model, again.kept[0].verdict) == ("o1", None)


def test_a_chain_that_was_taken_out_by_hand_takes_nothing_else_along(tmp_path: Path) -> None:
    made = tuple(ChainOfThought(f"{name}. Answer: B", name, 1, 0.7) for name in ("first", "second", "third"))
    kept = (Kept(made[2].text, "third", 2), Kept(made[0].text, "first", 0))
    (row,) = written(tmp_path / "x.jsonl", Story(Question("q1", "Q?", OPTIONS, 1), made, kept=kept), "rank", "original")
    for name in ("model1_COT1", "correct"):
        del row[name]
    (tmp_path / "x.jsonl").write_text(json.dumps(row))
    (again,) = stories_in(tmp_path / "x.jsonl")
    assert isinstance(again, Story)
    assert again.chains == made[1:]
    assert again.kept == (Kept(made[2].text, "third", 1),)


@pytest.mark.parametrize(
    "broken",
    [
        "all",
        {"chains": {"model1_COT1": {"of": "x", "temperature": "warm"}}},
        {"chains": [1]},
        {"kept": [{"text": "x", "parent": ["model1_COT1"]}]},
        {"rewrites": "none"},
        {"question": {"answer": 9, "answer_source": "consensus"}},
    ],
    ids=str,
)
def test_an_object_that_does_not_fit_its_row_is_named(broken: object, tmp_path: Path) -> None:
    row = {**ROW, **NINE, "_reasonmed": broken}
    del row["answer"]
    (tmp_path / "x.jsonl").write_text(json.dumps(row))
    (error,) = stories_in(tmp_path / "x.jsonl")
    assert isinstance(error, QuestionError)
    assert (error.line, error.field) == (1, "_reasonmed")


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([ROW], "questions"),
        ([{**ROW, "correct": "B", "error": {"A": "no"}}], "questions"),
        ([ROW] * 200 + [{**ROW, **NINE}], "original"),
        ([{**ROW, "correct": {"model1_COT1": "Answer: B"}}], "original"),
        ([{**ROW, "COT": "Answer: B", "model_choice": "model1_COT1"}], "original"),
        ([{"instruction": "Q?\nA. x\nB. y", "input": "", "output": "A"}], "original"),
        ([{"question": {"id": "q1", "stem": "Q?", "options": ["x", "y"]}}], "stories"),
        ([{"question_id": "q", "chain_of_thought": "x"}], "records"),
    ],
)
@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_a_file_is_known_by_its_look(rows: list[dict[str, Any]], what: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_text(json.dumps(rows) if suffix == "json" else "\n".join(map(json.dumps, rows)))
    assert look(path) == what


def test_a_story_whose_indices_point_at_nothing_is_named(tmp_path: Path) -> None:
    story = {"question": {"id": "q1", "stem": "Q?", "options": ["x", "y"], "answer": 5}}
    kept = {"question": {**story["question"], "answer": 1}, "kept": [{"text": "x", "model": "m", "parent": 3}]}
    (tmp_path / "x.jsonl").write_text(f"{json.dumps(story)}\n{json.dumps(kept)}")
    problems = [str(one) for one in stories_in(tmp_path / "x.jsonl")]
    assert "answer is 5, and the question has 2 options" in problems[0]
    assert "parent is 3, and there are 0 chains" in problems[1]
