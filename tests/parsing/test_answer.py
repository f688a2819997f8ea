from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reply_corpus import Case, cases

from reasonmed.parsing.answer import has_final_phrase, parse_answer
from reasonmed.types import letter

DRUGS = ("Aspirin", "Warfarin", "Heparin", "Clopidogrel")
METHODS = {"form", "phrase", "tag", "boxed", "bold", "letter", "option text", "opening"}

FRAGMENTS = (
    "The answer is A. ",
    "So the correct answer is (B) Heparin, not C. ",
    "I don't think that it is D.\n",
    "Answer: C\n",
    "<answer>A</answer> ",
    "\\boxed{B} ",
    "**C. Heparin**\n\n",
    "Option D is the best choice. ",
    "A. Aspirin\nB. Warfarin\n",
    "Therefore, heparin. ",
    "Wait, ",
    "none of the above ",
    "{[(*_:?",
    "</think>",
    "答案是A。",
)
"""What may stand before a final answer and must not disturb it."""

junk = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=30)), max_size=12).map("".join)
words = st.from_regex(r"[a-z]{1,9}( [a-z0-9]{1,9}){0,2}", fullmatch=True)
option_lists = st.lists(words, min_size=2, max_size=10, unique=True)
any_options = st.lists(st.text(max_size=12), min_size=2, max_size=26)

SAID = (
    "The findings point one way.\n\nAnswer: {letter}. {text}",
    "**Answer: {letter}. {text}**\n\nThis follows from the findings.",
    "The correct answer is ({letter}) {text}.",
    "### Final Answer\n\n{letter}. {text}",
    "<answer>{letter}. {text}</answer>",
    "After all that, the answer is \\boxed{{{letter}}}.",
    "<think>A? B? The answer is C.</think>\n\n{letter}",
    "Option {letter} is the most appropriate choice.",
    "The correct answer is {text}.",
    "Answer: {text}",
    "In conclusion, {text} fits best.",
)
"""Forms of one answer, with the letter, with the text or with both."""


@pytest.mark.parametrize("case", cases("answer"), ids=lambda case: case.id)
def test_a_reply_is_read_as_a_careful_person_reads_it(case: Case) -> None:
    found = parse_answer(case.reply, case.options)
    assert (found.option if found else None) == case.expected, case.why


def test_an_answer_says_by_which_rule_and_where_it_was_read() -> None:
    for case in cases("answer"):
        found = parse_answer(case.reply, case.options)
        if found:
            start, end = found.span
            assert found.method in METHODS
            assert 0 <= start < end <= len(case.reply), case.id


@pytest.mark.parametrize(
    ("text", "method", "there"),
    [
        ("<think>A</think>\n\n<answer>B</answer>  ", "tag", "B"),
        ("Thus $\\boxed{\\text{B}}$.", "boxed", "\\text{B}"),
        ("The valve decides.\n\nAnswer: B. Warfarin\n", "phrase", "Answer: B. Warfarin"),
        ("So the answer is B, for the valve.", "phrase", "answer is"),
        ("The valve decides.\n\nSo: **B. Warfarin**", "bold", "**B. Warfarin**"),
        ("The valve decides.\n\n(B)\n", "letter", "(B)"),
        ("It is mechanical. Therefore, warfarin fits.", "option text", "Therefore, warfarin fits."),
        ("B. Warfarin\n\nThe valve is mechanical.", "opening", "B. Warfarin"),
    ],
)
def test_the_span_shows_what_was_read(text: str, method: str, there: str) -> None:
    found = parse_answer(text, DRUGS)
    assert found is not None
    assert (found.option, found.method) == (1, method)
    assert text[slice(*found.span)] == there


def test_a_huge_reply_is_read_at_its_end() -> None:
    text = "The patient has a fever. The answer could be A. " * 20_000 + "\n\nAnswer: C. Heparin"
    found = parse_answer(text, DRUGS)
    assert found is not None
    assert found.option == 2
    assert text[slice(*found.span)] == "Answer: C. Heparin"


def test_a_loop_without_an_end_has_no_answer() -> None:
    assert parse_answer("The patient is afraid and the vital signs are normal. " * 5_000, DRUGS) is None


def test_a_letter_beyond_the_options_is_no_answer() -> None:
    for place in range(4, 26):
        assert parse_answer(f"Answer: {letter(place)}", DRUGS) is None


@pytest.mark.parametrize("count", [2, 4, 10, 26])
def test_every_letter_can_be_the_answer(count: int) -> None:
    options = [f"finding number {place}" for place in range(count)]
    for place in range(count):
        found = parse_answer(f"The answer is {letter(place)}.", options)
        assert found is not None
        assert found.option == place


@settings(max_examples=150)
@given(st.one_of(st.text(), junk), st.one_of(any_options, st.just(DRUGS)))
def test_any_text_gives_a_valid_index_or_none(text: str, options: list[str]) -> None:
    found = parse_answer(text, options)
    assert found is None or 0 <= found.option < len(options)


@settings(max_examples=50)
@given(st.text(alphabet=st.characters(), max_size=60), any_options)
def test_surrogates_and_control_characters_do_no_harm(text: str, options: list[str]) -> None:
    found = parse_answer(f"{text}\ud83d\x00 Answer: A\udc00", [*options, "\ud800"])
    assert found is None or 0 <= found.option <= len(options)


@settings(max_examples=120)
@given(junk, option_lists, st.data())
def test_a_last_line_in_the_wanted_form_is_always_read(before: str, options: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(options) - 1))
    line = f"Answer: {letter(place)}. {options[place]}"
    found = parse_answer(f"{before}\n\nAll things considered, the case is clear.\n\n{line}", options)
    assert found is not None
    assert found.option == place


@pytest.mark.parametrize("form", SAID)
def test_an_answer_moves_with_its_option(form: str) -> None:
    drawn = random.Random(form)
    options = ["Aspirin", "Warfarin", "Heparin", "Vitamin K", "Acute pancreatitis", "5 mg of prednisone"]
    for _ in range(30):
        text = drawn.choice(options)
        drawn.shuffle(options)
        place = options.index(text)
        found = parse_answer(form.format(letter=letter(place), text=text), options)
        assert found is not None
        assert found.option == place


@settings(max_examples=60)
@given(option_lists, st.data())
def test_a_letter_with_another_text_is_never_read_as_either(options: list[str], data: st.DataObject) -> None:
    place, other = data.draw(st.permutations(range(len(options))))[:2]
    if len(options[other]) == 1 or options[other].startswith(f"{options[place]} "):
        return
    found = parse_answer(f"Answer: {letter(place)}. {options[other]}", options)
    assert found is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Answer: C",
        "**Final Answer:** B",
        "So the correct answer is B.",
        "The most likely diagnosis is gout.",
        "Option C is the best choice.",
        "I would choose B.",
        "<answer>C</answer>",
        "It is \\boxed{B}.",
        "Antwort: C",
        "答案是C",
    ],
)
def test_an_announcement_is_known(sentence: str) -> None:
    assert has_final_phrase(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The patient has a fever.",
        "Option C is contraindicated in pregnancy.",
        "Heparin acts through antithrombin.",
        "To answer this, one needs the INR.",
        "Each of the answer choices is plausible.",
        "",
    ],
)
def test_plain_reasoning_announces_nothing(sentence: str) -> None:
    assert not has_final_phrase(sentence)
