from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.screening.leak import find_leak


@pytest.mark.parametrize(
    ("text", "leak"),
    [
        ("This agrees with the given answer.", "given answer"),
        ("Since the provided correct answer is B, we look for reasons.", "provided correct answer"),
        ("The reference answer is B.", "reference answer"),
        ("It matches the gold-standard answer.", "gold-standard answer"),
        ("The known answer, B, fits.", "known answer"),
        ("The correct answer provided is B.", "correct answer provided"),
        ("The correct answer was given as B.", "correct answer was given"),
        ("According to the answer key, B is right.", "answer key"),
        ("Unlike the previous attempts, this one weighs B.", "previous attempts"),
        ("The failed attempt overlooked the INR.", "failed attempt"),
        ("The earlier draft overlooked the INR.", "earlier draft"),
        ("The original chain of thought is wrong here.", "original chain of thought"),
        ("Prior reasoning confused the two.", "Prior reasoning"),
        ("Following the feedback, I weigh B as well.", "the feedback"),
        ("As the reviewer noted, B was skipped.", "reviewer noted"),
        ("The judge's comments are addressed below.", "judge's comments"),
        ("The error reasons show that B was skipped.", "error reasons"),
        ("THE ANSWER KEY SAYS B.", "ANSWER KEY"),
        ("as the given\nanswer says", "given\nanswer"),
    ],
)
def test_a_phrase_that_betrays_the_writer_is_found(text: str, leak: str) -> None:
    assert find_leak(text) == leak


@pytest.mark.parametrize(
    "text",
    [
        "The correct answer is B. Warfarin.",
        "Of the given answer choices, B fits best.",
        "None of the provided answer options mentions the INR.",
        "To answer key questions, the history is taken first.",
        "The feedback loop between pituitary and thyroid is intact.",
        "Cortisol restores the feedback inhibition of the axis.",
        "Loss of the feedback from the thyroid raises TSH.",
        "Negative feedback lowers TSH.",
        "Prior attempts at conception had failed.",
        "Earlier attempts to quit smoking had failed.",
        "After two failed attempts, the airway is secured surgically.",
        "A history of previous attempts is the strongest predictor of suicide.",
        "Multiple prior attempts point to a high risk.",
        "She had made a suicide attempt in the previous year.",
        "The reasoning is sound, and the patient is given heparin.",
        "Failure to thrive has many reasons.",
        "",
    ],
)
def test_medical_prose_is_no_leak(text: str) -> None:
    assert find_leak(text) is None


@settings(max_examples=100)
@given(st.text())
def test_a_leak_is_a_part_of_the_text(text: str) -> None:
    found = find_leak(text)
    assert found is None or found in text
    assert find_leak(f"{text}\nThe answer key says B.") is not None
