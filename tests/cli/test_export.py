"""`reasonmed export` and `reasonmed import` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exports import read_lines
from product import reasonmed_at
from reasonmed.runs.directory import RunDirectory


def test_an_export_says_what_it_wrote_and_what_it_left_out(run26: RunDirectory, tmp_path: Path) -> None:
    done = reasonmed_at(
        tmp_path, "export", run26.path, "-o", "data", "--demo", "-f", "trl-sft, dpo", "--split", "0.6,0.2,0.2",
        "--min-score", "3", "--tier", "medium", "--tier", "difficult",
    )  # fmt: skip
    assert done.code == 0, done.err
    told = json.loads((tmp_path / "data" / "export.json").read_text())
    assert told["formats"] == ["trl-sft", "dpo"]
    assert told["settings"]["tiers"] == ["medium", "difficult"]
    assert f"{told['records']} records in data; questions: test" in done.out
    assert f"trl-sft: {3 * told['records']} rows in" in done.out
    assert "left out: " in done.err
    assert " tier" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--format", "tape"), "--format tape: there are axolotl"),
        (("--format", ""), "--format : there are axolotl"),
        (("--format", "prm"), "recipe says `verify: {steps: true}`"),
        (("--min-step-share", "0.5"), "no_steps"),
        (("--mask-steps",), "cannot mask steps; add one of trl-sft, axolotl and parquet with --format"),
        (("--format", "lm-eval"), "needs held-out questions"),
        (("--split", "0.9,0.2"), "must be three shares"),
        (("--findings", "check.json"), "check.json: cannot be read"),
        (("--drop", "phi"), "--drop RULE needs --findings FILE"),
        (("--findings", "check.json", "--drop", "phi"), "check.json cannot be read"),
        (("--source", "nowhere"), "nothing is left to export"),
        (("--template", "nowhere.jinja"), "is no file that can be read, and none of chatml"),
        (("--template", "chatml", "--reasoning", "field"), "the chain of thought is lost"),
        (("--tier", "hard"), "'hard' is not one of"),
    ],
)
def test_wrong_options_are_refused_with_the_mend_and_write_nothing(
    run26: RunDirectory, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = reasonmed_at(tmp_path, "export", run26.path, "-o", "data", "--demo", *words)
    assert done.code == 2
    assert said in " ".join(done.err.replace("│", " ").split())
    assert "Traceback" not in done.err
    assert not (tmp_path / "data").exists()


def test_an_export_that_masks_no_step_says_so(run26: RunDirectory, tmp_path: Path) -> None:
    done = reasonmed_at(tmp_path, "export", run26.path, "-o", "data", "--demo", "-f", "trl-sft", "--mask-steps")
    assert done.code == 0, done.err
    assert "no step is masked" in done.err


def test_formats_may_be_named_one_by_one(run26: RunDirectory, tmp_path: Path) -> None:
    done = reasonmed_at(tmp_path, "export", run26.path, "-o", "data", "--demo", "-f", "dpo", "-f", "rl, kto")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "data" / "export.json").read_text())["formats"] == ["dpo", "rl", "kto"]


def test_a_rule_without_findings_is_said(run26: RunDirectory, tmp_path: Path) -> None:
    checked = reasonmed_at(tmp_path, "check", run26.path, "--json", "check.json", "--exact")
    assert checked.code == 0, checked.err
    done = reasonmed_at(
        tmp_path, "export", run26.path, "-o", "data", "--demo", "--findings", "check.json", "--drop", "phi"
    )
    assert done.code == 0
    assert "--drop phi: the report has no finding of this rule" in done.err


def test_import_says_what_it_read_and_overwrites_only_with_force(tmp_path: Path) -> None:
    rows = [{"Question": "Why?", "Complex_CoT": "So.", "Response": "Thus."}, {"text": "x"}]
    (tmp_path / "o1.json").write_text(json.dumps(rows))
    done = reasonmed_at(tmp_path, "import", "o1.json", "-o", "data")
    assert done.code == 0, done.err
    assert "1 records in data/records.jsonl (complex_cot 1)" in done.out
    assert "1 rows skipped, listed in data/records.jsonl.left_out.jsonl" in done.err
    assert read_lines(tmp_path / "data" / "records.jsonl")[0]["chain_of_thought"] == "So."
    again = reasonmed_at(tmp_path, "import", "o1.json", "-o", "data")
    assert again.code == 2
    assert "exists; choose another -o, or --force" in again.err
    assert reasonmed_at(tmp_path, "import", "o1.json", "-o", "data", "--force").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nowhere.json", "-o", "data"), "nowhere.json: cannot be read"),
        (("o1.json", "-o", "o1.json"), "o1.json is a file; -o names a folder"),
        (("other.json", "-o", "data"), "no row fits a known layout"),
    ],
)
def test_an_import_that_cannot_be_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "o1.json").write_text('[{"instruction": "Why?", "output": "So."}]')
    (tmp_path / "other.json").write_text('[{"text": "x"}]')
    done = reasonmed_at(tmp_path, "import", *words)
    assert done.code == 2
    assert said in done.err
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


def test_questions_that_are_all_held_out_by_their_file_are_said_and_can_be_redrawn(tmp_path: Path) -> None:
    rows = [{"question": f"Q{n}?", "options": ["a", "b"], "answer": 0, "split": "test"} for n in range(4)]
    (tmp_path / "q.json").write_text(json.dumps(rows))
    ran = reasonmed_at(tmp_path, "run", "q.json", "-r", "scripted", "-o", "run", "--max-failures", "100%")
    assert ran.code == 0, ran.err
    words = ("export", "run", "--demo", "--with-disputed", "-f", "rl")
    kept = reasonmed_at(tmp_path, *words, "-o", "kept")
    assert "no question is in train: their own file holds them all out; --redraw" in kept.err
    assert not (tmp_path / "kept" / "rl" / "trl-grpo" / "train.jsonl").exists()
    assert "4 questions keep the validation or test split of their own file" in kept.out
    redrawn = reasonmed_at(tmp_path, *words, "-o", "redrawn", "--redraw")
    assert redrawn.code == 0
    assert "keep the" not in redrawn.out
    assert len(read_lines(tmp_path / "redrawn" / "rl" / "trl-grpo" / "train.jsonl")) == 4
