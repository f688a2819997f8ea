"""The environment for verifiers stands alone: its module runs and scores without the package."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exports import Export, read_lines
from reasonmed.export._verifiers_env import environment

HOSTILE = "\u2028 {{ 7 * 7 }} {answer} \x1b[31m ''' \"\"\" \\n"


@pytest.fixture
def module(tmp_path: Path) -> dict[str, Any]:
    row = {"id": HOSTILE, "prompt": [{"role": "user", "content": HOSTILE}], "answer": "C"}
    (tmp_path / "made.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps({**row, 'id': 'q2'}, ensure_ascii=False)}\n")
    (tmp_path / "made.py").write_text(environment("made"))
    return runpy.run_path(str(tmp_path / "made.py"))


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("It is heparin.\n\nAnswer: C. Heparin", 1.0),
        ("Answer: B\n\nI was wrong.\n**Answer: C**", 1.0),
        ("Answer: C\nNo.\nAnswer: B", 0.0),
        ("answer: (C)", 1.0),
        ("<think>Answer: B</think>Answer: C", 1.0),
        ("Answer: B</think>Answer: C", 1.0),
        ("<think>It must be.\nAnswer: C", 0.0),
        ("Answer: Can not say", 0.0),
        ("C", 0.0),
        ("", 0.0),
    ],
)
def test_the_reward_is_of_the_last_answer_behind_the_thinking(module: dict[str, Any], text: str, right: float) -> None:
    correct = module["correct"]
    earlier = {"role": "user", "content": "Answer: C"}
    assert correct([earlier, {"role": "assistant", "content": text}], "C") == right
    assert correct([SimpleNamespace(role="assistant", content=text)], "C") == right
    assert correct([{"role": "assistant", "content": [{"type": "text", "text": text}]}], "C") == right
    assert correct(text, "C") == right


def test_a_reply_without_a_text_is_not_right(module: dict[str, Any]) -> None:
    assert module["correct"]([], "C") == 0.0
    assert module["correct"]([{"role": "assistant", "content": None}], "C") == 0.0


def test_rows_keep_every_text_and_what_is_known_beside_it(module: dict[str, Any]) -> None:
    first, second = module["rows"]()
    assert first == {
        "prompt": [{"role": "user", "content": HOSTILE}],
        "answer": "C",
        "info": json.dumps({"id": HOSTILE}),
    }
    assert json.loads(second["info"]) == {"id": "q2"}


def test_an_export_has_the_held_out_questions_as_an_environment(exported: Export, tmp_path: Path) -> None:
    exported(["verifiers-env", "lm-eval"])
    folder = tmp_path / "out" / "verifiers-env"
    assert {path.name for path in folder.iterdir()} == {"reasonmed_held_out.py", "reasonmed_held_out.jsonl"}
    rows = runpy.run_path(str(folder / "reasonmed_held_out.py"))["rows"]()
    same = read_lines(tmp_path / "out" / "lm-eval" / "test.jsonl")
    assert [(row["prompt"][0]["content"], row["answer"]) for row in rows] == [
        (row["prompt"], row["answer"]) for row in same
    ]
