"""Endings that give an answer which cannot be read, told apart from texts that give none."""

from __future__ import annotations

import pytest

from reasonmed.parsing.answer import parse_answer, unread_ending

OPTIONS = ("Steroids", "Plasma exchange", "Rituximab")
REASONING = "The antibody binds at the node of Ranvier. Plasma exchange takes it away. Steroids act late."

UNREAD = (
    "Answer: immunoglobulins",
    "The answer is none of these.",
    "So the final answer is splenectomy.",
    "Thus \\boxed{splenectomy}",
    "<answer>splenectomy</answer>",
    "Answer: A or B",
    "The correct answers are A and C.",
    "Answer: B. Rituximab",
    "Answer: F",
    "Answer: <letter>. <text>",
    "The answer is B... no, I was mistaken about that.",
    "Answer: B. On reflection, C fits better.",
    "a) Steroids",
    "A, C",
    "Risposte possibili: A, C",
    '{"answer": "splenectomy"}',
)


@pytest.mark.parametrize("ending", UNREAD)
def test_an_answer_that_cannot_be_read_is_quoted(ending: str) -> None:
    text = f"{REASONING}\n\n{ending}"
    assert parse_answer(text, OPTIONS) is None
    words = unread_ending(text, OPTIONS)
    assert words is not None
    assert words in text


@pytest.mark.parametrize("ending", UNREAD)
def test_an_older_answer_does_not_stand_in_for_it(ending: str) -> None:
    assert parse_answer(f"At first sight the answer is A.\n\n{REASONING}\n\n{ending}", OPTIONS) is None


@pytest.mark.parametrize(
    "ending",
    ["", "Answer: B. Plasma exchange", "So B.", "The antibody is gone by then.", "The answer is clear from here."],
)
def test_a_text_that_answers_readably_or_not_at_all_has_no_such_ending(ending: str) -> None:
    assert unread_ending(f"{REASONING}\n\n{ending}", OPTIONS) is None


def test_without_options_no_ending_is_unread() -> None:
    assert unread_ending(f"{REASONING}\n\nAnswer: plasma exchange", ()) is None
