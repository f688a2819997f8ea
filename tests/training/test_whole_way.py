"""The whole way by the commands alone: questions, a run, an export, a trained model, its score beside the base's."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from exports import read_lines
from reasonmed.cli import app
from reasonmed.recipe.shipped import resource
from support import document
from tiny_model import tiny_model

pytestmark = pytest.mark.filterwarnings("default")  # of packages that are not ours
for _package in ("torch", "trl"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")

CONFIG = """
base_model: base
epochs: 3
batch: 4
learning_rate: 0.01
schedule: constant
warmup: 0
"""
ASKED = 12


FURTHER = {
    "dpo": "batch: 4\nmax_steps: 2\nlearning_rate: 0.001\n",
    "grpo": "batch: 2\nmax_steps: 1\nlearning_rate: 0.001\nrollouts: {replies: 2, max_tokens: 8}\n",
}


def done(*words: str | Path | int) -> str:
    """The command's output; it must have ended well."""
    ended = CliRunner().invoke(app, [*map(str, words)])
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return ended.output


def test_questions_become_a_data_set_a_model_and_a_score_that_tells_what_was_trained_on(tmp_path: Path) -> None:
    questions = resource("examples", "questions.json")
    tiny_model(tmp_path / "base", context=8192)
    (tmp_path / "train.yaml").write_text(CONFIG, encoding="utf-8")

    done("run", questions, "-r", "scripted", "-o", tmp_path / "run", "--max-failures", "100%")
    done(
        "export", tmp_path / "run", "-o", tmp_path / "data", "--demo",
        "--format", "trl-sft", "--split", "0.6,0.2,0.2", "--redraw",
    )  # fmt: skip
    rows = read_lines(tmp_path / "data" / "trl-sft" / "reasonmed" / "train.jsonl")
    assert rows, "the export has rows to train on"

    model = tmp_path / "trained"
    done("train", tmp_path / "data", "-c", tmp_path / "train.yaml", "-o", model)
    assert {"model.safetensors", "tokenizer.json", "run.json", "README.md", "loss.svg", "loss.jsonl"} <= {
        one.name for one in model.iterdir()
    }
    told = document(model / "run.json")
    assert told["loss"]["last"] < told["loss"]["first"] - 1
    assert sorted(told["stems"]) == sorted({row["stem"] for row in rows})

    done(
        "evaluate", questions, "-m", tmp_path / "base", "-m", model, "--base", "base", "-o", tmp_path / "score",
        "--limit", ASKED, "--max-tokens", "8",
    )  # fmt: skip
    results = document(tmp_path / "score" / "results.json")
    (benchmark,) = (one["name"] for one in results["benchmarks"])
    cells = {one["name"]: one["benchmarks"][benchmark] for one in results["models"]}
    asked = {
        one["id"].rpartition("/")[2] for one in read_lines(tmp_path / "score" / results["models"][0]["answers_file"])
    }
    seen = asked & {row["question_id"] for row in rows}
    assert len(asked) == ASKED
    assert 0 < len(seen) < ASKED
    assert cells["trained"]["overlap"] == len(seen)
    assert cells["trained"]["clean"]["n"] == ASKED - len(seen)
    assert cells["base"]["n"] == cells["trained"]["n"] == ASKED
    assert cells["base"]["overlap"] is None, "nothing is known of what the base was trained on"
    assert f"{len(seen)} trained on" in (tmp_path / "score" / "report.md").read_text(encoding="utf-8")
    assert [one["model"] for one in results["headlines"]] == ["trained"]


@pytest.mark.parametrize("method", FURTHER)
def test_pairs_and_questions_of_a_run_train_a_model_further(tmp_path: Path, method: str) -> None:
    tiny_model(tmp_path / "base", context=8192)
    (tmp_path / "train.yaml").write_text(f"base_model: base\nmethod: {method}\n{FURTHER[method]}", encoding="utf-8")
    questions = resource("examples", "questions.json")
    done("run", questions, "-r", "scripted", "-o", tmp_path / "run", "--max-failures", "100%")
    done(
        "export", tmp_path / "run", "-o", tmp_path / "data", "--demo",
        "--format", "dpo,rl", "--split", "0.6,0.2,0.2", "--redraw",
    )  # fmt: skip
    folder = "dpo" if method == "dpo" else "rl/trl-grpo"
    rows = read_lines(tmp_path / "data" / folder / "train.jsonl")
    shown = done("train", tmp_path / "data", "-c", tmp_path / "train.yaml", "-o", tmp_path / "trained")
    told = document(tmp_path / "trained" / "run.json")
    assert told["data"]["rows"] == len(rows) > 0
    assert sorted(told["stems"]) == sorted({row["stem"] for row in rows})
    assert told["layout"]["steps"] == sum("loss" in one for one in read_lines(tmp_path / "trained" / "loss.jsonl"))
    assert ("chosen is preferred" if method == "dpo" else "reward") in shown
