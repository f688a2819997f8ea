"""The card says what a run was screened against, and what its planted chains of thought showed of the judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from product import reasonmed_at
from reasonmed.recipe.shipped import resource


def _reasonmed(folder: Path, *words: str) -> None:
    done = reasonmed_at(folder, *words)
    assert done.code == 0, done.err


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The card of a run with canaries that was screened against three of its own questions, 3 of 1,273."""
    folder = tmp_path_factory.mktemp("screened")
    questions = json.loads(resource("examples", "questions.json").read_text(encoding="utf-8"))
    (folder / "questions.json").write_text(json.dumps(questions))
    (folder / "bench.json").write_text(json.dumps(questions[:3]))
    recipe = resource("recipes", "scripted.yaml").read_text(encoding="utf-8")
    (folder / "recipe.yaml").write_text(recipe.replace("verify: {model: one}", "verify: {model: one, canaries: 0.5}"))
    _reasonmed(folder, "index", "bench.json", "-o", "bench.index.jsonl", "--total", "1273", "--name", "bench")
    _reasonmed(
        folder, "run", "questions.json", "-r", "recipe.yaml", "-o", "run", "--against", "bench.index.jsonl",
        "--max-failures", "100%",
    )  # fmt: skip
    _reasonmed(folder, "export", "run", "-o", "data", "--demo")
    return (folder / "data" / "README.md").read_text(encoding="utf-8")


def test_the_screen_of_the_run_is_told_with_its_coverage(card: str) -> None:
    assert "bench (3 of 1,273; exact" in card
    assert "3 were dropped" in card
    assert "Not checked" not in card


def test_the_canaries_error_rate_is_told(card: str) -> None:
    assert "planted wrong chains of thought it accepted" in card
    assert "They are in no export." in card
