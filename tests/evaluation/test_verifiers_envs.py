"""The environments for verifiers ask what the evaluation asks, and score by its keys."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from test_evaluating import OPTIONS, Model, model, rows, write

from reasonmed.evaluation import Settings, Shots, evaluate
from reasonmed.evaluation.verifiers_envs import names_of


@pytest.mark.parametrize("settings", [Settings(rotate=2), Settings(prompt="bare"), Settings(perturb=("nota",))])
def test_an_environment_has_the_messages_that_were_sent_and_their_key(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Model(monkeypatch, lambda _: "Answer: A")
    evaluate([write(tmp_path / "own.jsonl", rows(8))], [model()], tmp_path / "out", settings)
    module = runpy.run_path(str(tmp_path / "out" / "verifiers" / "reasonmed_own.py"))
    found = module["rows"]()
    sent = [[{"role": turn.role, "content": turn.content} for turn in request.messages] for request in one.asked]
    assert len(found) == 8 * settings.rotate
    assert all(row["prompt"] in sent for row in found)
    for row in found:
        number = int(json.loads(row["info"])["id"].removeprefix("q"))
        lines = row["prompt"][-1]["content"].splitlines()
        (line,) = [line for line in lines if line.startswith(f"{row['answer']}. ")]
        assert line == f"{row['answer']}. {OPTIONS[number % 4]} {number}"
        assert module["correct"]([{"role": "assistant", "content": f"Answer: {line}"}], row["answer"]) == 1.0


def test_examples_are_earlier_turns_as_they_were_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Model(monkeypatch, lambda _: "Answer: A")
    drawn = write(tmp_path / "drawn.jsonl", [{**row, "question": f"Other {row['id']}?"} for row in rows(6)])
    settings = Settings(shots=Shots(count=2, source=str(drawn), seed=0))
    evaluate([write(tmp_path / "own.jsonl", rows(4))], [model()], tmp_path / "out", settings)
    found = runpy.run_path(str(tmp_path / "out" / "verifiers" / "reasonmed_own.py"))["rows"]()
    assert [turn["role"] for turn in found[0]["prompt"]] == ["user", "assistant"] * 2 + ["user"]
    sent = [[{"role": turn.role, "content": turn.content} for turn in request.messages] for request in one.asked]
    assert all(row["prompt"] in sent for row in found)


def test_every_benchmark_gets_a_name_that_python_can_import() -> None:
    found = names_of(["medqa-4options", "medqa 4options", "β", "__", "A.B/c"])
    assert found[:2] == ["reasonmed_medqa_4options", "reasonmed_medqa_4options__2"]
    assert len(set(found)) == 5
    assert all(name.isidentifier() for name in found)
