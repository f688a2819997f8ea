"""Models that take turns in memory: real ones, and a process that is killed between them."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from killed_at import Commands
from one_gpu import recipe
from reasonmed import recipe as recipes
from reasonmed.runs.status import status_of
from runs import questions, run

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


@pytest.mark.embedded
def test_two_embedded_models_take_turns_for_a_whole_question(tmp_path: Path) -> None:
    """The same weights under two names: each is loaded when it is asked, and gone while the other one is."""
    entry = {"backend": "local", "context": 2048, "parallel": 2}
    role = {"model": "judge", "max_tokens": 80}
    told = {
        "models": {"writer": entry, "judge": entry},
        "stages": {
            "generate": {
                "models": ["writer"],
                "temperatures": [0.7, 1.0],
                "max_tokens": 60,
                "min_words": 2,
                "keep_truncated": True,
            },
            "verify": role,
            "route": {"easy": 0, "medium": 1},
            "rank": role,
            "refine": {"model": "writer", "max_tokens": 60},
            "optimize": {"model": "writer", "max_tokens": 60, "blind": False},
            "summarize": {"model": "writer", "max_tokens": 40},
            "score": role,
        },
        "limits": {"resident": 1, "in_flight": 2},
    }
    folder = run(tmp_path / "run", questions(1), recipes.from_mapping(told, "test"))
    status = status_of(folder)
    assert (status.state, status.unfinished) == ("finished", 0)
    assert status.turns is not None
    opened = [one.model for one in status.turns.openings]
    assert opened[:2] == ["writer", "judge"]
    assert all(before != after for before, after in pairwise(opened))
    assert status.turns.switches == len(opened) - 1 <= 14
    assert all(one.seconds > 0 for one in status.turns.openings)
