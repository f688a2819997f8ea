"""The last line of an exported text: the key's where the text agrees with it, and never put over another answer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reasonmed.export._text import ended, ends_unread
from reasonmed.types import Record

OPTIONS = ("Steroids", "Plasma exchange", "Rituximab")
REASONING = "The antibody binds at the node of Ranvier."
RECORD = Record(
    id="q1#1",
    question_id="q1",
    question="Which treatment?",
    options=OPTIONS,
    answer=OPTIONS[1],
    answer_index=1,
    context=None,
    chain_of_thought=f"{REASONING}\n\nAnswer: B. Plasma exchange",
    response=None,
    tier=None,
    verified=True,
    flags=(),
    answer_source="key",
    score=None,
    source=None,
    license=None,
    demo=False,
    provenance={},
)


@pytest.mark.parametrize("own", ["", "Answer: B", "**Answer:** (B) plasma exchange", "Answer: plasma exchange"])
def test_an_ending_that_agrees_becomes_the_one_answer_line(own: str) -> None:
    text = ended(f"{REASONING}\n\n{own}", OPTIONS, 1, plain=False)
    assert text == f"{REASONING}\n\nAnswer: B. Plasma exchange"


@pytest.mark.parametrize("own", ["Answer: splenectomy", "Answer: A", "Answer: B. Rituximab", "Final answer: A or B"])
def test_an_ending_that_says_anything_else_stays(own: str) -> None:
    text = f"{REASONING}\n\n{own}"
    assert ended(text, OPTIONS, 1, plain=False) == text


def test_a_record_is_left_out_whose_chain_or_response_ends_unread() -> None:
    assert not ends_unread(RECORD)
    assert ends_unread(replace(RECORD, chain_of_thought=f"{REASONING}\n\nThe answer is splenectomy."))
    assert ends_unread(replace(RECORD, response="Answer: A or B"))
    assert not ends_unread(replace(RECORD, response="It takes the antibody away."))
    assert not ends_unread(replace(RECORD, options=(), response="Answer: splenectomy"))
