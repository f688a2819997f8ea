"""Rows without a chain, made of rows with one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from reasonmed.errors import UsageError
from reasonmed.training.data import Message, Row
from reasonmed.training.methods import sft
from reasonmed.training.settings import Training
from tiny_model import rows, splits

if TYPE_CHECKING:
    from pathlib import Path

_ASKED = "Which vitamin does scurvy lack?\nA. Vitamin A\nB. Vitamin B1\nC. Vitamin C"
_SETTINGS = Training(base_model="m", variant="answers")


def written(folder: Path, replies: list[str], prompt: str = _ASKED, variant: str = "reasonmed") -> Path:
    made = [
        {**row, "prompt": [{"role": "user", "content": prompt}], "completion": [{"role": "assistant", "content": said}]}
        for row, said in zip(rows(len(replies)), replies, strict=True)
    ]
    splits(folder / "trl-sft" / variant, made, made[:1])
    return folder


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("<think>\nGums bleed, so A is out.\n</think>\n\nCollagen.\n\nAnswer: C. Vitamin C", "Answer: C. Vitamin C"),
        ("Collagen needs ascorbate. The answer is C.", "Answer: C. Vitamin C"),
        ("**Final answer: (B)**", "Answer: B. Vitamin B1"),
    ],
)
def test_a_reply_is_its_answer_line_alone(tmp_path: Path, said: str, line: str) -> None:
    found = sft.read(written(tmp_path, [said]), _SETTINGS)
    assert [row.completion for row in found.train.rows] == [(Message("assistant", line),)]
    assert found.validation is not None
    assert found.validation.rows[0].completion == found.train.rows[0].completion


def test_prompt_id_and_stem_stay_and_masks_of_the_chain_go(tmp_path: Path) -> None:
    folder = written(tmp_path, ["Collagen.\n\nAnswer: C. Vitamin C"])
    (row,) = sft.read(folder, _SETTINGS).train.rows
    (whole,) = sft.read(folder, Training(base_model="m")).train.rows
    assert row == Row(
        id=whole.id, question_id=whole.question_id, prompt=whole.prompt, stem=whole.stem, completion=row.completion
    )


def test_options_are_those_that_a_prompt_lists_last(tmp_path: Path) -> None:
    prompt = f"Finding list:\nA. fever\nB. rash\n\n{_ASKED}"
    (row,) = sft.read(written(tmp_path, ["Answer: C. Vitamin C"], prompt), _SETTINGS).train.rows
    assert row.completion[0].content == "Answer: C. Vitamin C"


def test_a_prompt_without_options_gives_the_letter(tmp_path: Path) -> None:
    (row,) = sft.read(written(tmp_path, ["So it is scurvy. The answer is B."], "Case 1"), _SETTINGS).train.rows
    assert row.completion[0].content == "Answer: B"


def test_rows_without_a_readable_answer_are_skipped_and_refused_above_1_percent(tmp_path: Path) -> None:
    good = ["Answer: C. Vitamin C"] * 150
    assert len(sft.read(written(tmp_path / "few", [*good, "Either A or C."]), _SETTINGS).train.rows) == 150
    with pytest.raises(UsageError, match=r"2 of 152 rows \(first: 'q150#1'\) end in no readable answer"):
        sft.read(written(tmp_path / "many", [*good, "Either A or C.", "No idea."]), _SETTINGS)


def test_they_are_made_of_whichever_variant_is_there(tmp_path: Path) -> None:
    folder = written(tmp_path, ["Answer: C. Vitamin C"], variant="cotmed")
    assert sft.read(folder, _SETTINGS).train.path.parent.name == "cotmed"
    assert len(sft.read(folder / "trl-sft" / "cotmed", _SETTINGS).train.rows) == 1
