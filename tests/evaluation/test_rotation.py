from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.evaluation.rotation import fixed, present, rotations
from reasonmed.types import Question
from support import question

PLAIN = ["Heparin", "Warfarin", "Aspirin", "Alteplase"]


def asked(*options: str, stem: str = "Which drug?") -> Question:
    return Question("q", stem, options, 0)


@pytest.mark.parametrize(
    "option",
    [
        "All of the above", "None of the above", "none of these", "Both A and B", "A and B", "a & c", "A, B and C",
        "abc", "ABD", "All", "None", "Both", "Neither", "Both of the above", "Any of these", "A and C are correct",
        "Only A", "Either of the above", "All are true", "All of these options", "The former", "option B",
        "None of the other options", "(a) and (c)", "a,b,c", "The first two options", "Both A & B only",
    ],
)  # fmt: skip
def test_options_that_refer_to_others_or_to_a_place_keep_their_order(option: str) -> None:
    made = asked("Heparin", "Warfarin", "Aspirin", option)
    assert fixed(made)
    assert list(rotations(made, 4)) == [0]


@pytest.mark.parametrize(
    "option",
    [
        "Allopurinol", "Vitamin A and vitamin D", "A 24-hour urine collection", "Hepatitis B", "Blood above 140 mg",
        "Noneczematous rash", "An increase in both ventricles", "Group A streptococcus", "40%", "1 and 2", "yes",
        "Influenza A virus", "Factor V Leiden", "Add a beta blocker",
    ],
)  # fmt: skip
def test_other_options_may_rotate(option: str) -> None:
    made = asked("Heparin", "Warfarin", "Aspirin", option)
    assert option == "Blood above 140 mg" or not fixed(made)


def test_a_stem_that_speaks_of_an_option_keeps_the_order() -> None:
    assert fixed(asked(*PLAIN, stem="Which is right? Assume that option B is out of stock."))
    assert not fixed(asked(*PLAIN, stem="Which option is right for a patient with blood group A?"))


@pytest.mark.parametrize(
    ("wanted", "expected"), [(1, [0]), (2, [0, 2]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_orders_are_spread_and_never_repeat(wanted: int, expected: list[int]) -> None:
    assert list(rotations(question(), wanted)) == expected


@given(st.integers(2, 26), st.data())
def test_letters_map_back_to_the_option_that_was_shown(count: int, data: st.DataObject) -> None:
    options = tuple(f"option text {place}" for place in range(count))
    key = data.draw(st.integers(0, count - 1))
    by = data.draw(st.integers(0, count - 1))
    shown = present(Question("q", "Which?", options, key), by)
    assert sorted(shown.question.options) == sorted(options)
    assert shown.question.answer is not None
    assert shown.original(shown.question.answer) == key
    for place, text in enumerate(shown.question.options):
        original = shown.original(place)
        assert original is not None
        assert options[original] == text
    assert shown.original(None) is None


def test_no_rotation_shows_the_question_as_it_is() -> None:
    assert present(question(), 0).question == question()
