"""A text that calls two options right has no answer."""

from __future__ import annotations

import pytest

from reasonmed.parsing.answer import parse_answer
from reasonmed.types import letter

DRUGS = ("Aspirin", "Warfarin", "Heparin", "Clopidogrel")

ANSWERS = (
    "The answer is {}.",
    "Answer: {}. {text}\n\n",
    "<answer>{}</answer>",
    "It is \\boxed{{{}}}.",
    "**{}. {text}**\n\n",
    "Option {} is the best choice.",
    "Therefore, {text} is the right choice.\n\n{}\n\n",
)
SECONDS = (
    "{} is also right.",
    "{} is also correct.",
    "But {} would also be correct.",
    "{} is right too.",
    "{} is a correct answer as well.",
    "\n\n{} is also an acceptable answer",
    "Answer {} is equally valid.",
    "Option {} ({text}) is also correct because it acts as fast.",
    "Also, {} is right.",
    "The correct answer is also {}.",
    "The answer could also be {}.",
    "{text} is also right.",
    "**{}. {text}** is also the answer.",
)
NONE_OF_THESE = (
    "{} is also wrong.",
    "{} is also not correct.",
    "{} is also used, but less often.",
    "{} is also correct but less likely.",
    "{} would also be right if the patient were pregnant.",
    "{} is also a correct statement about the drug.",
    "Some say that {} is also right.",
    "It is not true that {} is also right.",
    "Nobody would call {} also right.",
    "The dose in {} is also right.",
    "This is also the right answer.",
    "The mechanism is also correct.",
    "A diuretic is also right.",
)


@pytest.mark.parametrize("second", SECONDS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_second_option_that_is_called_right_leaves_no_answer(answer: str, second: str) -> None:
    for other in (1, 3):
        said = f"{answer.format('C', text='Heparin')} {second.format(letter(other), text=DRUGS[other])}"
        assert parse_answer(said, DRUGS) is None, said


@pytest.mark.parametrize("second", SECONDS)
def test_the_answer_itself_may_be_called_right_again(second: str) -> None:
    found = parse_answer(f"The answer is C. {second.format('C', text='Heparin')}", DRUGS)
    assert found is not None
    assert found.option == 2


@pytest.mark.parametrize("further", NONE_OF_THESE)
def test_what_is_denied_doubted_conditional_or_said_of_something_else_is_no_second_answer(further: str) -> None:
    found = parse_answer(f"The answer is C. {further.format('D')}", DRUGS)
    assert found is not None
    assert found.option == 2


@pytest.mark.parametrize(
    "before", ["Both C and D are correct statements.", "D is also right in pregnancy.", "D fits too."]
)
def test_what_stands_before_the_answer_is_no_second_one(before: str) -> None:
    found = parse_answer(f"{before} The best answer is C.", DRUGS)
    assert found is not None
    assert found.option == 2


@pytest.mark.parametrize(
    "said", ["A and D are also correct.", "Both B and C are also right.", "A, B, and D are right too."]
)
def test_several_letters_that_are_called_right_leave_no_answer(said: str) -> None:
    assert parse_answer(f"The answer is C. {said}", DRUGS) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("Pneumonia", 1), ("Gout", None), ("Bronchitis", 1), ("Acute gout", None)]
)
def test_a_letter_counts_with_a_text_that_is_no_option_and_not_with_another_options(
    text: str, expected: int | None
) -> None:
    found = parse_answer(f"Answer: B. {text}", ("Asthma", "Bronchitis", "Gout", "Anemia"))
    assert (found.option if found else None) == expected


def test_an_option_that_is_right_only_beside_another_one_is_no_answer() -> None:
    assert parse_answer("Option C is one of the right ones.\n\n**B. Warfarin** is also right.", DRUGS) is None
