"""Reasons that say the opposite of their verdict, and reasons that only name a weakness or a strength."""

from __future__ import annotations

import pytest

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.judges_reason import Outcome, contradiction
from reasonmed.parsing.judgment import parse_verdict


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("correct", "Error: option C is never evaluated."),
        ("correct", "Error"),
        ("error", "Correct"),
        ("correct", "The reasoning is factually incorrect about the half-life."),
        ("correct", "The chain of thought contains a serious factual error."),
        ("correct", "Its conclusion does not match the key."),
        ("correct", "It should be marked as an Error."),
        ("error", "The chain of thought is correct and supports the key."),
        ("error", "All four criteria are met."),
        ("error", "It weighs each option and contains no factual or logical errors."),
    ],
)
def test_a_reason_that_gives_the_other_verdict_is_a_contradiction(outcome: Outcome, reason: str) -> None:
    assert contradiction(outcome, reason)


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("correct", "It rightly rules out the wrong options and names the drug."),
        ("correct", "The answer is right; the remark on dosing is brief."),
        ("correct", "It explains why warfarin would be incorrect in pregnancy."),
        ("error", "The answer is correct, but the mechanism is wrong."),
        ("error", "The dose is wrong by a factor of ten."),
        ("error", "It has no discussion of option D."),
    ],
)
def test_a_single_remark_is_no_contradiction(outcome: Outcome, reason: str) -> None:
    assert contradiction(outcome, reason) is None


def test_a_reply_with_both_verdicts_is_none_unless_its_last_word_is_error() -> None:
    error, right = '{"verdict": "Error", "reason": "A step fails."}', '{"verdict": "Correct", "reason": "It holds."}'
    assert parse_verdict(f"{right}\n{error}") == ("error", "A step fails.")
    with pytest.raises(UnparsableReply, match="two verdicts"):
        parse_verdict(f"{error}\nThe text holds: {right}")
