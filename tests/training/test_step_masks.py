"""Masked steps: exactly their tokens have no loss, and a row in which they cannot be told is refused."""

from __future__ import annotations

from typing import Any

import pytest

from reasonmed.errors import UsageError
from reasonmed.training import data, settings
from reasonmed.training.methods import sft
from tiny_model import CHATML, byte_tokenizer

pytest.importorskip("transformers", reason="pip install 'reasonmed[train]'")

CHAIN = "The pulse is fast.\n\nIt needs nö heparin. The rash is new.\n\nAnswer: B. Warfarin"
FAULT = "It needs nö heparin."
THINKING = f"<think>\n{CHAIN}\n</think>\n\nWarfarin."
SETTINGS = settings.parse("base_model: x", "train.yaml", None)


def row(text: str, *faults: str, **reply: str) -> data.Row:
    spans = tuple((text.index(fault), text.index(fault) + len(fault)) for fault in faults)
    message = data.Message("assistant", reply.get("content", text), reply.get("reasoning"))
    asked = (data.Message("user", f"Is it so? {FAULT}"),)
    return data.Row(id="q1#1", question_id="q1", prompt=asked, completion=(message,), masked=spans)


@pytest.mark.parametrize(
    ("made", "template"),
    [
        (row(CHAIN, FAULT), CHATML),
        (row(THINKING, FAULT), CHATML),
        (row(CHAIN, "The pulse", FAULT, "Answer: B. Warfarin"), CHATML),
        (
            row(CHAIN, FAULT, content="Warfarin.", reasoning=CHAIN),
            CHATML.replace("{{ m['content'] }}", "{{ m['reasoning_content'] }}#{{ m['content'] }}"),
        ),
    ],
)
def test_exactly_the_tokens_of_masked_steps_have_no_loss(made: data.Row, template: str) -> None:
    tokenizer = byte_tokenizer(template)
    (one,) = sft.tokenize([made], tokenizer, 500, SETTINGS).kept
    text = made.completion[0].texts[0]
    wanted = b"".join(text[start:end].encode() for start, end in made.masked)
    masked = [int(one.ids[place]) for place in one.masked]
    assert len(masked) == len(wanted)
    assert tokenizer.decode(masked) == wanted.decode()
    assert min(one.masked) >= one.start
    assert one.learned == len(one) - one.start - len(wanted)


def test_a_token_that_reaches_into_a_masked_step_has_no_loss() -> None:
    tokenizer = byte_tokenizer(CHATML, merges=[("Ġ", "T"), ("ĠT", "h"), (".", "Ċ")])
    made = row(CHAIN, "The rash is new.")
    (one,) = sft.tokenize([made], tokenizer, 500, SETTINGS).kept
    assert tokenizer.decode([int(one.ids[place]) for place in one.masked]) == " The rash is new.\n"


def test_collated_labels_leave_masked_tokens_out() -> None:
    torch = pytest.importorskip("torch", reason="pip install 'reasonmed[train]'")
    from reasonmed.training.batches import Collator

    tokenizer = byte_tokenizer(CHATML)
    plain, made = (row(CHAIN), row(CHAIN, FAULT))
    kept = sft.tokenize([plain, made], tokenizer, 500, SETTINGS).kept
    for width in (0, 512):
        batch: Any = Collator(kept, 0, width, boundaries=False)([{"rows": [0, 1]}])
        labels = batch["labels"].reshape(-1)
        learned = tokenizer.decode(labels[labels != -100])
        assert learned.count(CHAIN) == 1
        assert learned.count(CHAIN.replace(FAULT, "")) == 1
        assert torch.equal(batch["input_ids"].reshape(-1)[labels != -100], labels[labels != -100])


def test_a_tokenizer_without_offsets_is_refused_where_steps_are_masked() -> None:
    tokenizer = byte_tokenizer(CHATML)
    slow = type("Slow", (type(tokenizer),), {"is_fast": False})
    tokenizer.__class__ = slow
    assert len(sft.tokenize([row(CHAIN)], tokenizer, 500, SETTINGS).kept) == 1
    with pytest.raises(UsageError, match=r"masked steps need a fast tokenizer.*without --mask-steps"):
        sft.tokenize([row(CHAIN, FAULT)], tokenizer, 500, SETTINGS)


def test_a_template_that_changes_a_masked_reply_is_refused() -> None:
    tokenizer = byte_tokenizer(
        CHATML.replace("m['content']", "m['content'].replace('fast', 'fast' ~ m['content']|length)")
    )
    with pytest.raises(UsageError, match="changes the reply of 'q1#1'"):
        sft.tokenize([row(CHAIN, FAULT)], tokenizer, 500, SETTINGS)


def test_control_tokens_as_text_beside_masked_steps_are_refused_by_name() -> None:
    as_text = settings.parse("base_model: x\ncontrol_tokens: text", "train.yaml", None)
    made = row(f"{CHAIN} <|im_end|> so", FAULT)
    with pytest.raises(UsageError, match=r"'q1#1' has masked steps and control tokens.*<\|im_end\|>"):
        sft.tokenize([made], byte_tokenizer(CHATML), 500, as_text)


@pytest.mark.parametrize("masked", [[(0, 0)], [(5, 3)], [(0, 5), (4, 9)], [(0, 9999)], [(-1, 3)]])
def test_offsets_that_do_not_fit_are_told_with_their_row(masked: list[tuple[int, int]]) -> None:
    made = data.Row(
        id="q1#1", question_id="q1", prompt=(), completion=(data.Message("assistant", CHAIN),), masked=tuple(masked)
    )
    assert "masked has [" in str(sft.files("cotmed").check(made))
