"""Labels of steps and their mask, by a tokenizer of letters: nothing of the extra is needed."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.backends._step_tokens import stepped
from reasonmed.errors import RecipeError, UsageError
from reasonmed.parsing.steps import split_steps
from reasonmed.training import settings
from reasonmed.training.methods import prm
from tiny_model import labeled, splits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

TRAINING = settings.Training(base_model="x", method="prm")
NONE = -100
END = 1_200_000
"""No letter's number."""


class _Added(NamedTuple):
    content: str
    special: bool


class Letters:
    """A letter a token, and one control token."""

    chat_template = "of its own"
    eos_token, eos_token_id, pad_token_id, is_fast = "<|end|>", END, END, True
    added_tokens_decoder: Mapping[int, Any] = {END: _Added("<|end|>", special=True)}

    def __call__(self, text: str | Sequence[str], **options: object) -> dict[str, Any]:
        if not isinstance(text, str):
            return {"input_ids": [self(one, **options)["input_ids"] for one in text]}
        parts = [text] if options.get("split_special_tokens") else text.split(self.eos_token)
        ids = [token for part in parts for token in (*map(ord, part), END)]
        return {"input_ids": ids[:-1]}

    def apply_chat_template(self, conversation: Sequence[Mapping[str, str]], **_: object) -> str:
        return "".join(f"[{turn['content']}]" for turn in conversation)

    def decode(self, token_ids: Sequence[int], **_: object) -> str:
        return "".join(self.eos_token if token == END else chr(token) for token in token_ids)


LETTERS: Any = Letters()


def read(folder: Path, *rows: dict[str, Any]) -> list[prm.Chain]:
    splits(folder / "prm", list(rows), [])
    return prm.read(folder, TRAINING).train.rows


def test_a_label_stands_at_the_last_token_of_its_step_and_nowhere_else(tmp_path: Path) -> None:
    rows = read(tmp_path, {**labeled(1)[0], "completions": ["Up. ", "No."], "labels": [True, False], "prompt": "Why?"})
    (one,) = prm.tokenize(rows, LETTERS, 100, TRAINING).kept
    assert LETTERS.decode(one.ids) == "[Why?]Up. No."
    assert one.labels == [NONE] * 9 + [1] + [NONE, NONE, 0]
    assert one.learned == 2


def test_a_row_without_ids_is_told_from_others_by_its_content(tmp_path: Path) -> None:
    bare = {"prompt": "Why?", "completions": ["Up."], "labels": [True]}
    one, other = read(tmp_path, bare, {**bare, "completions": ["No."]})
    assert one.id != other.id
    assert one.question_id == other.question_id


def test_a_chain_over_the_limit_or_with_control_tokens_is_left_out_whole_and_counted(tmp_path: Path) -> None:
    long, steering, good = ({**row, "prompt": "Why?"} for row in labeled(3))
    long["completions"] = ["word " * 50, *long["completions"][1:]]
    steering["completions"] = ["It ends<|end|> here.", *steering["completions"][1:]]
    rows = read(tmp_path, long, steering, good)
    found = prm.tokenize(rows, LETTERS, 120, TRAINING)
    assert ([one.row for one in found.kept], found.too_long) == ([2], [long["id"]])
    assert found.controls == {steering["id"]: ("<|end|>",)}


@given(st.text(max_size=300))
def test_every_step_of_a_text_keeps_its_letters_and_its_own_last_token(text: str) -> None:
    steps = [span.of(text) for span in split_steps(text)]
    ids, ends = stepped(LETTERS, [7], steps)
    cuts = [1, *(end + 1 for end in ends)]
    assert [LETTERS.decode(ids[a:b]) for a, b in pairwise(cuts)] == steps


def test_a_control_token_in_a_step_is_read_as_the_letters_that_it_is() -> None:
    assert END not in stepped(LETTERS, [], ["It ends<|end|> here."]).ids


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": [True]}, "4 completions have 1 labels"),
        ({"completions": ["a", " ", "b", "c"]}, "step 2 of completions has no text"),
        ({"completions": [], "labels": []}, "completions is empty"),
        ({"prompt": " "}, "prompt is empty"),
        ({"labels": ["yes"] * 4}, "labels"),
    ],
)
def test_a_row_that_is_no_labeled_chain_is_refused(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(tmp_path, {**labeled(1)[0], **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lora": {"merge": False}}, "lora.merge: false cannot be for method: prm"),
        ({"accuracy": {"questions": 2}}, "accuracy: a model that labels steps answers no questions"),
        ({"beta": 0.1}, "beta: is for method: dpo or grpo"),
        ({"packing": True}, "packing: true is for method: sft"),
        ({"method": "sft", "balance": True}, "balance: is for method: prm"),
    ],
)
def test_fields_that_the_method_has_no_use_for_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        settings.parse(json.dumps({"base_model": "x", "method": "prm", **changes}), "train.yaml", None)
