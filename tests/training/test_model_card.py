"""The card of a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from reasonmed.training import card


def _record(name: str) -> dict[str, Any]:
    """As much of a ``run.json`` as the card tells."""
    return {
        "method": "sft",
        "base_model": {"name": name, "parameters": 135_000_000},
        "settings": {
            "lora": None,
            "batch": 4,
            "learning_rate": 1e-5,
            "schedule": "cosine",
            "warmup": 0.1,
            "seed": 0,
        },
        "data": {
            "kind": "rows",
            "variant": "reasonmed",
            "trained_on": 8,
            "hash": "ab",
            "too_long": [],
            "without_loss": [],
        },
        "layout": {"steps": 2, "attention": "sdpa", "packed": True, "precision": "bf16"},
        "measured": {"seconds": 1.0},
        "loss": {"first": 2.0, "last": 1.0, "validation": None},
        "hardware": {"processes": 1, "name": "cpu"},
        "versions": {"torch": "2"},
    }


@pytest.mark.parametrize(
    "name",
    [
        "Qwen/Qwen3-8B",
        "a/b: c # d",
        "a/b\nlicense: mit",
        "a/[b]",
        "a/'b' \"c\"",
        f"a/{'long ' * 60}",
        "a/---",
        "a/\u00e9",
    ],
)
def test_the_head_of_the_card_names_the_base_model_and_nothing_else(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the card has a picture: pip install 'reasonmed[plots]'")
    card.write(tmp_path, _record(name), [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}], {})
    text = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\n")
    head = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
    assert head == {
        "library_name": "transformers",
        "tags": ["medical", "reasoning", "reasonmed"],
        "base_model": name,
    }


def test_a_step_at_which_the_model_is_its_own_reference_is_no_accuracy_of_nought() -> None:
    from reasonmed.training.card import _watched

    steps = [(0.0, 0.0), (0.75, 0.1), (1.0, 0.4)]
    history = [{"loss": 0.7, "rewards/accuracies": right, "rewards/margins": gap} for right, gap in steps]
    told = _watched(history, {"rewards/accuracies": "chosen is preferred", "rewards/margins": "margin"})
    assert (told["rewards/accuracies"]["first"], told["rewards/margins"]["first"]) == (0.75, 0.0)


def test_a_small_model_has_parameters_too() -> None:
    from reasonmed.training.card import _millions

    assert [_millions(count) for count in (47_104, 1_300_000, 134_515_008, 7_615_616_512)] == [
        "0.0471", "1.3", "135", "7,616"]  # fmt: skip
