"""Models that take turns in memory: real ones, and a process that is killed between them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from killed_at import Commands
from one_gpu import recipe
from runs import questions

if TYPE_CHECKING:
    from pathlib import Path


def test_a_process_that_is_killed_goes_on_with_the_model_that_was_open(tmp_path: Path) -> None:
    told = recipe(1)
    for entry in told["models"].values():
        entry["function"] = "mortal:dying"
    (tmp_path / "recipe.yaml").write_text(json.dumps(told), encoding="utf-8")
    rows = [
        {"id": one.id, "question": one.stem, "options": one.options, "answer": "ABC"[place % 3], "context": one.context}
        for place, one in enumerate(questions(6))
    ]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ["run", "questions.jsonl", "-r", "recipe.yaml", "--max-failures", "100%"]
    with Commands() as commands:
        assert commands.done(tmp_path, [*words, "-o", "whole"], {}).code == 0
        for number in (5, 20, 12, 9):
            done = commands.done(tmp_path, [*words, "-o", "killed"], {"DIES_AT": str(number)})
            assert done.code in (-9, 0), done.err
        done = commands.done(tmp_path, [*words, "-o", "killed"], {})
        status = commands.done(tmp_path, ["status", "killed"], {})
    assert done.code == 0
    assert "models in turn: " in done.out
    assert "models in turn: " in status.out
    for name in ("records.jsonl", "failures.jsonl"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
