"""Options that differ by signs alone, and letters that stand beside another option's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.parsing.answer import parse_answer
from reasonmed.reward import multiple_choice_reward
from reasonmed.types import letter

PLUS = ("{}+", "{}⁺", "{}(+)", "{} positive", "{}-positive", "{} (+)", "{} pos", "{}^+")
MINUS = ("{}-", "{}⁻", "{}\u2212", "{}\u2013", "{}(-)", "{} negative", "{}-negative", "{} neg")
LEAST = ("≥{}", ">={}", "=>{}", "≧ {}", "\\geq {}", "at least {}", "greater than or equal to {}", "no less than {}")
MOST = ("≤{}", "<={}", "≦{}", "\\leq {}", "at most {}", "less than or equal to {}", "not more than {}")
MORE = (">{}", "&gt;{}", "more than {}", "greater than {}", "above {}", "over {}")
LESS = ("<{}", "&lt;{}", "less than {}", "below {}", "under {}", "fewer than {}")
BELOW_ZERO = ("-{}", "\u2212{}", "\u2013{}", "—{}", "minus {}", "negative {}")

FAMILIES = (
    (("CD34", "FMC7", "HIV-1"), " cells", (PLUS, MINUS)),
    (("12", "300"), " ng/mL", (LEAST, MOST, MORE, LESS)),
    (("12", "300"), " ng/mL", (LEAST, MORE, ("{}",))),
    (("3", "65"), " mV", (BELOW_ZERO, ("{}",))),
)
"""Stems, what follows them, and by option the spellings of one sign."""

FORMS = ("Answer: {}", "The correct answer is {}.", "\\boxed{{{}}}", "<answer>{}</answer>", "**Answer: {}**")


@given(st.sampled_from(FAMILIES), st.sampled_from(FORMS), st.sampled_from(["", "letter"]), st.data())
def test_a_sign_in_any_spelling_is_its_own_option_or_none(
    family: tuple[tuple[str, ...], str, tuple[tuple[str, ...], ...]], form: str, lettered: str, data: st.DataObject
) -> None:  # fmt: skip
    stems, unit, signs = family
    stem = data.draw(st.sampled_from(stems))
    options = [f"{data.draw(st.sampled_from(spellings[:1]))}".format(stem) + unit for spellings in signs]
    place = data.draw(st.integers(0, len(options) - 1))
    said = data.draw(st.sampled_from(signs[place])).format(stem) + unit
    found = parse_answer(form.format(f"{letter(place)}. {said}" if lettered else said), options)
    assert found is None or found.option == place
    assert found is not None or not lettered


@given(st.sampled_from(FAMILIES), st.sampled_from(FORMS), st.data())
def test_a_letter_with_the_opposite_sign_is_never_read_as_either(
    family: tuple[tuple[str, ...], str, tuple[tuple[str, ...], ...]], form: str, data: st.DataObject
) -> None:
    stems, unit, signs = family
    stem = data.draw(st.sampled_from(stems))
    options = [spellings[0].format(stem) + unit for spellings in signs]
    place, other = data.draw(st.permutations(range(len(options))))[:2]
    said = data.draw(st.sampled_from(signs[other])).format(stem) + unit
    assert parse_answer(form.format(f"{letter(place)}. {said}"), options) is None


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("Answer: Kell⁻", ("Kell+", "Kell-"), 1),
        ("Answer: estrogen receptor (ER) status ER+/HER2\u2212", ("ER+/HER2+", "ER+/HER2-", "ER-/HER2-"), 1),
        ("Answer: CD5-", ("CD5", "CD10"), 0),
        ("Answer: CD5-", ("CD5", "CD5+"), None),
        ("Answer: B. β2 agonist", ("alpha-1 agonist", "beta-2 agonist"), 1),
        ("Answer: A. raised calcium", ("↑ calcium", "↓ calcium"), 0),
        ("Answer: 65 years or older", ("≥65 years", "<65 years"), 0),
        ("The answer is 5\u201310 mg.", ("5-10 mg", "10-20 mg"), 0),
        ("Answer - 60 mV", ("-60 mV", "60 mV"), None),
    ],
)
def test_signs_that_options_have_are_matched(text: str, options: tuple[str, ...], expected: int | None) -> None:
    found = parse_answer(text, options)
    assert (found.option if found else None) == expected


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Answer: B. early treatment with steroids", ("Steroids", "Plasma exchange", "Rituximab")),
        ("The correct answer is **B. a short course of steroids**", ("Steroids", "Plasma exchange", "Rituximab")),
        ("So \\boxed{C. oral steroids}", ("Steroids", "Plasma exchange", "Rituximab")),
        ("Therefore, B. slow taper of steroids.", ("Steroids", "Plasma exchange", "Rituximab")),
        ("Answer: steroids, B", ("Steroids", "Plasma exchange", "Rituximab")),
        ("B. The answer is C.", ("Steroids", "Plasma exchange", "Rituximab")),
    ],
)
def test_no_fallback_overrules_a_stated_letter(text: str, options: tuple[str, ...]) -> None:
    assert parse_answer(text, options) is None
    assert multiple_choice_reward([text], ["A"], [options]) == [0.0]


@pytest.mark.parametrize(
    "text",
    [
        "Answer: rules out A and C, leaving B",
        "It is neither A nor C. So B.",
        "Ans. (b) Plasma exchange",
        "Ans- B",
        "OPTION B IS CORRECT.",
        "Svaret: B",
        "Resposta correta: letra B",
        "Answer: ~~A~~ B",
        "Answer: 【B】",
        "<p>The answer is <em>B</em>.</p>",
        "Answer: \u200bB\u200f",
        "<seed:think>A? C?</seed:think>Answer: B",
    ],
)
def test_an_answer_in_another_dress_is_read(text: str) -> None:
    found = parse_answer(text, ("Steroids", "Plasma exchange", "Rituximab"))
    assert found is not None
    assert found.option == 1


def test_the_span_is_a_place_in_the_text_as_it_was_written() -> None:
    text = "The <b>CD34⁺</b> count is at least 5.\n\nAnswer: B. CD34 negative cells"
    found = parse_answer(text, ("CD34+ cells", "CD34- cells"))
    assert found is not None
    assert text[slice(*found.span)] == "Answer: B. CD34 negative cells"
