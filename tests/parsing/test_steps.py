"""A chain of thought in steps: pieces that joined are the text, in a number that a judge can label."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.parsing.steps import FEWEST, MOST, split_steps

_PIECES = st.sampled_from(
    [
        *(
            "The pulse is fast. ",
            "Is it e.g. Graves disease? ",
            "\n",
            "\n\n",
            "\r\n",
            "1. First, the case\n",
            " - no; ",
        ),
        *(
            "## Options\n",
            "**Key findings**\n",
            "A) Aspirin is out.\n",
            "热度很高。",
            "답은 B입니다.",
            "5.5 mg ",
            "Dr. No ",
        ),
        *("Answer: B. Ibuprofen\n", "The answer is C.", "\\boxed{A}", "**B**\n", "\u00a0", "\t", "é\u0301"),
    ]
)


def _parts(text: str) -> list[str]:
    return [step.of(text) for step in split_steps(text)]


@given(st.lists(_PIECES | st.text(max_size=20), max_size=120).map("".join))
def test_steps_joined_are_the_text_and_none_is_blank(text: str) -> None:
    parts = _parts(text)
    assert "".join(parts) == text
    assert len(parts) <= MOST
    assert not text.strip() or all(part.strip() for part in parts)


@given(st.integers(FEWEST, 400), st.sampled_from([" ", "\n", "\n\n"]))
def test_a_text_of_three_sentences_or_more_has_three_to_twenty_four_steps(count: int, between: str) -> None:
    text = between.join(f"Finding {number} speaks for sepsis." for number in range(count))
    assert FEWEST <= len(_parts(text)) <= MOST


def test_a_text_of_fewer_sentences_has_as_many_steps() -> None:
    assert _parts("One finding. Another finding.") == ["One finding. ", "Another finding."]
    assert _parts("One finding") == ["One finding"]
    assert _parts("") == []
    assert _parts(" \n") == [" \n"]


def test_sections_and_list_items_are_steps_and_a_heading_goes_with_what_follows_it() -> None:
    text = "## Case\n\nA child with fever.\n\n## Options\n1. Aspirin: harms.\n2. Rest: helps.\n   Safe.\n\nSo rest.\n"
    assert _parts(text) == [
        "## Case\n\nA child with fever.\n\n",
        "## Options\n1. Aspirin: harms.\n",
        "2. Rest: helps.\n   Safe.\n\n",
        "So rest.\n",
    ]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("The pulse is fast. The lung is clear.\n\n", "Answer: B. Ibuprofen\n"),
        ("The pulse is fast. The lung is clear. ", "So the answer is B."),
        ("The pulse is fast.\nThe lung is clear.\n\n", "**Final answer**\nB\n"),
        ("脉搏很快。肺部清晰。\n", "答案是：B"),
        ("The pulse is fast. The lung is clear.\n", "\\boxed{B}"),
    ],
)
def test_the_answer_is_a_step_of_its_own(body: str, answer: str) -> None:
    parts = _parts(body + answer)
    assert parts[-1] == answer
    assert "".join(parts[:-1]) == body


def test_abbreviations_and_decimals_end_no_sentence() -> None:
    text = "Drugs, e.g. Aspirin, help. He took 5.5 mg, says Dr. Novak. It was Fig. 3 that showed it."
    assert _parts(text) == [
        "Drugs, e.g. Aspirin, help. ",
        "He took 5.5 mg, says Dr. Novak. ",
        "It was Fig. 3 that showed it.",
    ]


def test_sentences_of_a_long_paragraph_are_steps() -> None:
    text = " ".join(
        f"Sign {number} of the case speaks for an infection of the lung, not for a clot." for number in range(6)
    )
    assert len(_parts(text)) == 6


@pytest.mark.parametrize("between", ["\n", "\t \n"])
def test_a_text_of_many_blank_lines_is_split_in_little_time(between: str) -> None:
    began = time.process_time()
    assert _parts("The pulse is fast." + between * 60_000 + "The lung is clear.")
    assert time.process_time() - began < 2


def test_a_text_of_many_lines_is_split_in_little_time() -> None:
    assert len(_parts("The pulse is fast.\n" * 20_000)) <= MOST
