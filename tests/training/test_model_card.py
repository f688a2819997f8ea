"""The card of a trained model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from reasonmed.errors import UsageError
from reasonmed.training import card
from reasonmed.training.record import (
    RECORD,
    Base,
    Data,
    End,
    Ends,
    Hardware,
    Layout,
    Measured,
    Record,
    Tried,
)


def _record(name: str) -> Record:
    """A record with a base model of this name."""
    return Record(
        reasonmed="1",
        method="sft",
        base_model=Base(name, "", 135_000_000),
        stems=[],
        rows_without_stem=0,
        trainings=[],
        settings={"lora": None, "batch": 4, "learning_rate": 1e-5, "schedule": "cosine", "warmup": 0.1, "seed": 0},
        data=Data("train.jsonl", "ab", "rows", "reasonmed", 8, 8, [], [], {}, 0, 100, 50, 20),
        template="",
        end=End("<end>", 2, None),
        layout=Layout("sdpa", True, False, False, "bf16", 64, 1, 2, None, 1),  # noqa: FBT003 - as they stand
        measured=Measured(seconds=1.0, peak_memory=None, whole=True),
        loss=Ends(2.0, 1.0, None),
        accuracy=None,
        watched={},
        seeds={"training": 0},
        hardware=Hardware("cpu", "cpu", 1, False, 1),  # noqa: FBT003 - the same
        versions={"torch": "2"},
        question_ids=[],
        best=None,
        ending=Tried(stopped=None, reason="no model"),
        overrides=[],
    )


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
    assert (told["rewards/accuracies"].first, told["rewards/margins"].first) == (0.75, 0.0)


def test_a_small_model_has_parameters_too() -> None:
    from reasonmed.training.card import _millions

    assert [_millions(count) for count in (47_104, 1_300_000, 134_515_008, 7_615_616_512)] == [
        "0.0471", "1.3", "135", "7,616"]  # fmt: skip


def test_a_record_reads_as_it_was_written_and_one_without_a_version_reads_too(tmp_path: Path) -> None:
    RECORD.write(tmp_path / "run.json", _record("some/base"))
    assert RECORD.read(tmp_path / "run.json") == _record("some/base")
    told = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert "tokens_per_second" not in told["measured"]
    del told["version"]
    (tmp_path / "run.json").write_text(json.dumps(told), encoding="utf-8")
    assert RECORD.read(tmp_path / "run.json") == _record("some/base")
    (tmp_path / "run.json").write_text(json.dumps({**told, "version": 2}), encoding="utf-8")
    with pytest.raises(UsageError, match="is no record of a training: its version is 2, and this version reads 1"):
        RECORD.read(tmp_path / "run.json")
