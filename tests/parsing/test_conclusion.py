from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.parsing.answer import has_final_phrase, parse_answer
from reasonmed.parsing.conclusion import without_conclusion

REASONING = (
    "A 60-year-old man with a mechanical valve needs anticoagulation. His INR is 1.2, and his weight is 72.5 kg. "
    "Heparin works at once but needs injections. Warfarin acts on the vitamin K cycle. Aspirin acts on platelets."
)
OPTIONS = ("Aspirin", "Warfarin", "Heparin", "Rivaroxaban")

ENDINGS = (
    "Answer: B. Warfarin",
    "**Answer: B. Warfarin**",
    "The correct answer is B. Warfarin.",
    "The correct answer is:\n\n**B. Warfarin**",
    "Therefore, the best choice is warfarin.",
    "So option B is the correct answer.",
    "6. Conclude: warfarin it is, for the valve.",
    "### Conclusion\n\nWarfarin is what he needs. Nothing else works.",
    "**Final Answer**\n\nB. Warfarin",
    "## Final Answer: B",
    "<answer>B</answer>",
    "<answer>\nB. Warfarin\n</answer>",
    "$$\\boxed{B}$$",
    "B",
    "**B. Warfarin**",
    "In conclusion, warfarin fits him. He will do well.",
    "In summary:\nSummary: warfarin.\nAnswer: B. Warfarin",
)

plain_words = st.sampled_from(
    ["fever", "valve", "INR", "rises", "slowly", "7.35", "(2.5 mg)", "and", "hepatitis B", "e.g."]
)
sentences = st.lists(
    st.tuples(st.lists(plain_words, min_size=2, max_size=6).map(" ".join), st.sampled_from(".!?")).map(
        "He has {0[0]}{0[1]}".format
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_reasoning_stays_and_its_conclusion_goes(ending: str) -> None:
    kept = without_conclusion(f"{REASONING}\n\n{ending}")
    assert kept == REASONING
    assert parse_answer(kept, OPTIONS) is None


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_conclusion_in_several_paragraphs_goes_as_well(ending: str) -> None:
    kept = without_conclusion(f"1. {REASONING}\n\n2. {REASONING}\n\n{ending}")
    assert kept == f"1. {REASONING}\n\n2. {REASONING}"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("The pH is 7.35 today. The answer is B.", "The pH is 7.35 today."),
        (
            "### Answer\n\nB. Warfarin\n\nThe valve is mechanical. The INR is low.",
            "The valve is mechanical. The INR is low.",
        ),
        ("The answer is B. The pH is 7.35 today and rising.", ""),
        ("It rises! Does it fall? I would choose B, as is due. It rises.", "It rises! Does it fall? It rises."),
        ("He is ill.\n\n\n\nHe is old.", "He is ill.\n\nHe is old."),
        ("The most likely diagnosis is gout. Urate is 9.1 mg/dL.", "Urate is 9.1 mg/dL."),
        ("Answer: B. A very long option text that goes on. Fever is there.", "Fever is there."),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_only_announcing_sentences_go(text: str, kept: str) -> None:
    assert without_conclusion(text) == kept


def test_a_long_last_line_goes_to_its_end() -> None:
    option = "Administration of a very long list of drugs, each with its dose and its interval, for a year. And rest"
    assert without_conclusion(f"{REASONING}\n\nAnswer: B. {option}") == REASONING


def test_a_heading_at_the_start_is_no_conclusion() -> None:
    text = f"Summary of the case\n{REASONING} {REASONING}"
    assert without_conclusion(text) == text


def test_the_answer_choices_are_no_conclusion() -> None:
    text = f"{REASONING}\n\nAnswer choices:\nAspirin acts on platelets only.\nAlteplase acts on clots only."
    assert without_conclusion(text) == text


@settings(max_examples=100)
@given(sentences)
def test_reasoning_without_a_conclusion_stays_as_it_is(said: list[str]) -> None:
    text = " ".join(said)
    assert without_conclusion(text) == text


@settings(max_examples=100)
@given(sentences, st.sampled_from(ENDINGS))
def test_no_ending_survives(said: list[str], ending: str) -> None:
    text = " ".join(said)
    assert without_conclusion(f"{text}\n\n{text}\n\n{ending}") == f"{text}\n\n{text}"


@settings(max_examples=100)
@given(st.text())
def test_nothing_is_added_and_no_line_announces(text: str) -> None:
    kept = without_conclusion(text)
    assert len(kept) <= len(text)
    assert not any(has_final_phrase(line) for line in kept.split("\n"))
