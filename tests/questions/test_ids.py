"""Ids of questions, records and chains of thought: none can be taken for another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reasonmed.cli import app
from reasonmed.errors import QuestionError
from reasonmed.questions import Settings, ids, read
from reasonmed.runs.commands.run import question_source

NAMES = ("medqa-us-test-0000", "q#x", "#1", "q#0", "q#01", "q/chain-", "q/chains-3", "step 1 #12b", "q\n#")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_made_of_a_question_has_an_id_that_no_question_may_have(name: str) -> None:
    assert ids.clash(name) is None
    for made in (ids.record_id(name, 1), ids.chain_id(name, 12), ids.rewrite_id(name, 3)):
        said = ids.clash(made)
        assert said is not None
        assert "give this one another, such as" in said
    assert ids.question_of(ids.record_id(name, 7)) == name
    assert ids.number_of(ids.record_id(name, 7), name) == 7
    assert ids.number_of(ids.chain_id(name, 7), name) is None
    assert ids.number_of(ids.record_id(name, 7), f"{name}2") is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("q1#1", "'q1#1' is the id of record 1 of a question 'q1'; give this one another, such as 'q1-1'"),
        ("q1/chain-3", "'q1/chain-3' is the id of chain of thought 3 of a question 'q1'; give this one another"),
        ("q1/rewrite-2", "such as 'q1-rewrite-2'"),
        (f"q1#{'1' * 5000}", None),
    ],
)
def test_a_run_refuses_a_question_with_the_id_of_a_record_or_a_chain(
    name: str, said: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "questions.jsonl"
    rows = [{"id": one, "question": f"{one}?", "options": ["x", "y"], "answer": "x"} for one in ("q1", name)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    _, second = question_source(path, Settings())()
    if said is None:
        assert not isinstance(second, QuestionError)
        return
    assert str(second).startswith(f"{path}:2: id: ")
    assert said in str(second)
    assert not any(isinstance(one, QuestionError) for one in read(path)), "a benchmark may have such ids"
    for command in (["run", str(path), "-r", "scripted", "-o", str(tmp_path / "run")], ["questions", str(path)]):
        told = CliRunner().invoke(app, command)
        assert told.exit_code != 0
        assert name in f"{told.output}{told.exception}"


def test_no_question_of_the_shared_sets_has_such_an_id(shared: Path) -> None:
    files = sorted((shared / "data").rglob("*.jsonl"))
    if not files:
        pytest.skip(f"there are no question files in {shared / 'data'}")
    found = [one for path in files for one in read(path, Settings(records=True))]
    assert [str(one) for one in found if isinstance(one, QuestionError)] == []
    assert len(found) > 3000
