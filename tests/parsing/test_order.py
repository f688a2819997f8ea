from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from reasonmed.parsing.answer import parse_answer
from reasonmed.parsing.order import depends_on_order, in_another_order, relettered
from reasonmed.types import ChainOfThought, Question

if TYPE_CHECKING:
    from pathlib import Path

STRIDE = 1 if "REASONMED_EVERY_STEP" in os.environ else 3
"""Of real questions every third is looked at."""

NEXT = {"A": "B", "B": "C", "C": "D", "D": "A"}


@pytest.mark.parametrize(
    "option",
    [
        "All of the above",
        "None of these",
        "Both A and B",
        "A and C only",
        "A, B, and D",
        "Neither of the above",
        "Any of the following",
        "Options 1 and 2 are right: option B",
        "both (A) and (C)",
        "The above two",
    ],
)
def test_options_that_speak_of_others_or_of_places_depend_on_their_order(option: str) -> None:
    assert depends_on_order(("Heparin", option))


@pytest.mark.parametrize(
    "option",
    [
        "Both ovaries are enlarged",
        "Vitamin A",
        "Hepatitis B and C",
        "Above-knee amputation"[6:],
        "Either sex",
        "A and V waves",
        "Type A personality",
    ],
)
def test_other_options_do_not(option: str) -> None:
    assert not depends_on_order(("Heparin", option))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Answer: B. Warfarin", "Answer: C. Warfarin"),
        ("Option A is slow, option (D) is fast.", "Option B is slow, option (A) is fast."),
        ("A. slow\nB) fast\n(C) none", "B. slow\nC) fast\n(D) none"),
        ("**B.** and \\boxed{C}", "**C.** and \\boxed{D}"),
        ("B is wrong. A patient with vitamin D lack.", "C is wrong. A patient with vitamin D lack."),
        ("Hepatitis B is viral. The answer is B", "Hepatitis B is viral. The answer is C"),
        ("no letters at all", "no letters at all"),
        ("", ""),
    ],
)
def test_letters_of_options_are_exchanged_and_no_others(text: str, wanted: str) -> None:
    assert relettered(text, NEXT) == wanted


@pytest.mark.parametrize("text", ["Between B and C it is B.", "So B, then.", "Perhaps D?"])
def test_a_letter_that_may_be_an_option_stops_it(text: str) -> None:
    assert relettered(text, NEXT) is None


def _case(text: str, answer: int | None = 1, *options: str) -> tuple[Question, ChainOfThought]:
    question = Question("q1", "Which?", options or ("Heparin", "Warfarin", "Aspirin", "Alteplase"), 1)
    return question, ChainOfThought(text, "m", answer)


def test_key_options_and_conclusion_move_together() -> None:
    question, chain = _case("Option A is fast. Warfarin fits.\n\nAnswer: B. Warfarin")
    turned = in_another_order(question, chain)
    assert turned is not None
    asked, moved = turned
    assert sorted(asked.options) == sorted(question.options)
    assert asked.options != question.options
    assert asked.answer == moved.answer
    assert asked.options[asked.answer or 0] == "Warfarin"
    read = parse_answer(moved.text, asked.options)
    assert read is not None
    assert read.option == asked.answer


def test_nothing_moves_where_an_option_depends_on_the_order_or_the_key_is_unknown() -> None:
    question, chain = _case("Answer: B. Warfarin", 1, "Heparin", "Warfarin", "All of the above")
    assert in_another_order(question, chain) is None
    keyless = Question("q1", "Which?", ("Heparin", "Warfarin"))
    assert in_another_order(keyless, chain) is None


def test_real_chains_that_move_conclude_the_same_option(shared: Path) -> None:
    path = shared / "data" / "cots" / "cots.jsonl"
    if not path.exists():
        pytest.skip(f"there is no {path}: it holds the published chains of thought")
    moved = whole = 0
    for line in path.read_text(encoding="utf-8").splitlines()[::STRIDE]:
        row = json.loads(line)
        question = Question(row["id"], row["question"], tuple(row["options"]), row["answer_index"])
        for told in row["cots"]:
            read = parse_answer(told["text"], question.options)
            turned = in_another_order(question, ChainOfThought(told["text"], "m", read.option if read else None))
            whole += 1
            if turned is None:
                continue
            moved += 1
            asked, chain = turned
            again = parse_answer(chain.text, asked.options)
            assert (again is None) == (read is None)
            if read is not None and again is not None:
                assert asked.options[again.option] == question.options[read.option]
    assert moved > whole / 2
