"""What differs between two texts."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.web.views.diff import Part, step_diff, word_diff

TEXTS = st.lists(st.sampled_from(["the", " ", "dose ", "5 mg", "\n\n", ". ", "急性", "é", "-"]), max_size=20).map(
    "".join
)


@settings(max_examples=60)
@given(TEXTS, TEXTS)
def test_both_texts_are_in_their_difference(old: str, new: str) -> None:
    parts = word_diff(old, new)
    assert "".join(part.text for part in parts if part.kind != "in") == old
    assert "".join(part.text for part in parts if part.kind != "out") == new


def test_a_changed_word_is_marked_and_an_island_is_not_left_between_two() -> None:
    assert word_diff("one two three four", "one two three five") == [
        Part("same", "one two three "),
        Part("out", "four"),
        Part("in", "five"),
    ]
    assert [part.kind for part in word_diff("a b c d", "x b y d")] == ["out", "in", "same"]


def test_signs_of_a_script_without_spaces_are_words() -> None:
    assert word_diff("患者发热三天咳嗽", "患者发热五天咳嗽")[1:3] == [Part("out", "三"), Part("in", "五")]


def test_steps_are_the_same_changed_gone_or_new() -> None:
    old = "First, fever.\n\nSecond, a rash.\n\nThird, a cough.\n\nAnswer: B"
    new = "First, fever.\n\nSecond, no rash.\n\nAnswer: B"
    names = {one.name: one.same for one in step_diff(old, new)}
    assert names == {"step 1": True, "steps 2 to 3, now step 2": False, "step 4, now 3": True}


def test_texts_of_one_repeated_word_do_not_take_long() -> None:
    began = time.perf_counter()
    word_diff("no " * 200_000, "no " * 190_000 + "yes")
    assert time.perf_counter() - began < 5
