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
from reasonmed.types import (
    ChainOfThought,
    Dropped,
    Failure,
    Kept,
    Opinion,
    Question,
    Rewrite,
    Story,
    Tier,
    Verdict,
)

STAGES = ("generate", "verify", "route", "rank", "refine", "optimize", "summarize", "score")
OPTIONS = ("Heparin", "Warfarin", "Aspirin", "Alteplase")

words = st.text("abcäß  \n#{}\"'.", min_size=1, max_size=12)
prose = words.map(lambda text: f"Because {text}. Answer: B")
strings = st.none() | words.map(lambda text: f"x{text}x")
metas = st.dictionaries(
    st.sampled_from(["subject", "note", "COT", "answer", "correct", "model1_COT1", "meta", "_reasonmed", "failure"]),
    st.none() | st.integers() | words | st.lists(st.integers(), max_size=2),
    max_size=4,
)
places = st.integers(0, 3)
verdicts = st.builds(
    Verdict,
    st.sampled_from(["correct", "error", "undecided"]),
    st.sampled_from(["", "because"]),
    st.sampled_from(["", "judge-72b"]),
    st.booleans(),
    st.booleans(),
    st.lists(st.builds(Opinion, st.just("second"), st.just("error")), max_size=1).map(tuple),
)
chains = st.builds(
    ChainOfThought,
    text=prose | st.just(""),
    model=st.sampled_from(["m", "m_2", "model2", "Qwen/Qwen-72B"]),
    answer=st.none() | places,
    temperature=st.none() | st.just(0.7),
    sample=st.integers(0, 2),
    truncated=st.booleans(),
    missing=st.none() | st.just("filtered"),
    verdict=st.none() | verdicts,
    score=st.none() | st.integers(0, 5),
    justification=st.sampled_from(["", "so it is"]),
)
questions = st.builds(
    Question,
    st.sampled_from(["q1", "a/b", "7"]),
    words.map(lambda text: f"Which{text}?"),
    st.just(OPTIONS),
    st.none() | places,
    strings,
    strings,
    strings,
    st.none() | st.sampled_from(["train", "test"]),
    metas,
    st.sampled_from(["key", "consensus"]),
)


@st.composite
def whole_stories(draw: st.DrawFn) -> Story:
    found = draw(questions)
    made = tuple(draw(st.lists(chains, max_size=5)))
    parents = st.none() | st.sampled_from(range(len(made))) if made else st.none()
    kept = st.builds(
        Kept,
        text=prose,
        model=st.sampled_from(["m", "m_2", "author-o1"]),
        parent=parents,
        origin=st.sampled_from(["generate", "refine", "optimize"]),
        verdict=st.none() | verdicts,
        flags=st.lists(st.sampled_from(["truncated", "conflict"]), max_size=2).map(tuple),
        response=strings,
        response_model=strings,
        score=st.none() | st.integers(1, 10),
        justification=st.sampled_from(["", "so it is"]),
        scorer=strings,
    )
    rewrites = st.builds(Rewrite, st.just("refine"), st.integers(0, 2), parents, chains, strings, st.none() | places)
    return Story(
        question=found,
        chains=made,
        unsampled=draw(st.integers(0, 2)),
        tier=draw(st.none() | st.sampled_from(list(Tier))),
        rewrites=tuple(draw(st.lists(rewrites, max_size=2))),
        kept=draw(st.none() | st.lists(kept, max_size=3).map(tuple)),
        dropped=tuple(draw(st.lists(st.builds(Dropped, st.just("refine"), words, parents), max_size=2))),
        flags=draw(st.sampled_from([(), ("key_disputed",)])),
        failure=draw(st.none() | st.builds(Failure, st.sampled_from(["no_chain", "undecided"]), words)),
    )


def written(path: Path, story: Story, stage: str, layout: str) -> list[dict[str, Any]]:
    rows = [msgspec.to_builtins(row) for row in writer(layout)(story, stage)]
    path.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
    return rows


def stories_in(path: Path, layout: str | None = None) -> list[Story | QuestionError]:
    return [
        replace(one, rows=()) if isinstance(one, Story) else one for one in story_source(path, layout, Settings())()
    ]


@given(story=whole_stories(), stage=st.sampled_from(STAGES), layout=st.sampled_from(["original", "native"]))
@settings(max_examples=300)
def test_a_story_that_is_written_and_read_is_the_same_story(story: Story, stage: str, layout: str) -> None:
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
