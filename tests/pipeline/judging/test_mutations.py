from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest

from reasonmed.parsing.answer import parse_answer
from reasonmed.pipeline.judging.cases import case, labelled, mutants
from reasonmed.pipeline.judging.mutations import (
    ANSWER,
    INJECTION,
    LONE,
    ORDERS,
    REASONING,
    Mutant,
    Mutations,
    Source,
    dice_for,
)
from reasonmed.types import Probe, Question

if TYPE_CHECKING:
    from pathlib import Path

ALL: Mutations = {**ANSWER, **REASONING, **INJECTION}

STRIDE = 1 if "REASONMED_EVERY_STEP" in os.environ else 3
"""Of real questions every third is looked at."""

CASE = Question(
    "q1",
    "A 45-year-old man has pain in the left flank and a potassium of 6.2 mEq/L. Which drug acts first?",
    ("Calcium gluconate", "Furosemide", "Insulin with glucose", "Salbutamol"),
    0,
)
TEXT = (
    "The 45-year-old man has pain in the left flank. His potassium is 6.2 mEq/L, which is dangerous for the heart. "
    "Calcium gluconate suggests itself because it steadies the membrane within 3 minutes. Furosemide acts slowly and "
    "depends on the kidney. Insulin with glucose moves potassium into the cells, but it needs half an hour. Salbutamol "
    "does much the same and is weaker. None of the other drugs protects the heart at once.\n\n"
    "Answer: A. Calcium gluconate"
)
OTHER = "The murmur is loudest at the apex and radiates to the axilla, which is typical of mitral regurgitation."


def mutated(name: str, text: str = TEXT, seed: int = 0, other: str | None = OTHER) -> Mutant:
    made = ALL[name](Source(CASE, text, other), dice_for(seed, name))
    assert made is not None
    return made


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_mutation_is_the_same_for_the_same_seed_and_changes_the_text(name: str) -> None:
    assert mutated(name) == mutated(name)
    assert mutated(name).text != TEXT


@pytest.mark.parametrize("name", sorted(REASONING))
def test_broken_reasoning_still_concludes_the_key(name: str) -> None:
    read = parse_answer(mutated(name).text, CASE.options)
    assert read is not None
    assert read.option == CASE.answer


@pytest.mark.parametrize("seed", range(20))
def test_a_wrong_option_is_concluded_and_the_right_one_no_longer_announced(seed: int) -> None:
    text = mutated("wrong_option", seed=seed).text
    read = parse_answer(text, CASE.options)
    assert read is not None
    assert read.option != CASE.answer
    assert "Answer: A" not in text


@pytest.mark.parametrize("seed", range(20))
def test_a_wrong_number_misquotes_the_case_everywhere_from_its_place_on(seed: int) -> None:
    made = mutated("wrong_number", seed=seed)
    old, _, new = made.detail.partition(" -> ")
    assert old in {"45", "6.2"}
    assert new not in CASE.stem
    assert not re.search(rf"(?<![\d.]){re.escape(old)}(?![\d.])", made.text)


def test_where_the_case_has_no_number_a_quantity_with_a_unit_is_ten_times_as_large() -> None:
    question = Question("q", "Which drug?", ("Heparin", "Aspirin"), 0)
    made = REASONING["wrong_number"](Source(question, "1. Give 81 mg of it daily.\nAnswer: A"), dice_for(0))
    assert made is not None
    assert made.detail == "81 -> 810"


def test_numbers_of_steps_and_lists_are_no_numbers_of_the_case() -> None:
    question = Question("q", "He took 2 of 3 tablets.", ("Heparin", "Aspirin"), 0)
    text = "Step 2 is to look.\n3. Then think.\nAnswer: A. Heparin"
    assert REASONING["wrong_number"](Source(question, text), dice_for(0)) is None


@pytest.mark.parametrize("seed", range(20))
def test_a_negated_step_speaks_of_the_key_where_a_step_does(seed: int) -> None:
    made = mutated("negated_step", seed=seed)
    assert made.detail.startswith("Calcium gluconate suggests itself")
    assert "Calcium gluconate rules out itself" in made.text
    assert made.place is not None
    assert 0 < made.place < 1


def test_sides_are_swapped_only_where_the_case_has_one() -> None:
    assert "the right flank" in mutated("swapped_side").text
    question = Question("q", "Which drug is the right one?", ("Heparin", "Aspirin"), 0)
    assert REASONING["swapped_side"](Source(question, "The left lung.\nAnswer: A"), dice_for(0)) is None


def test_the_right_answer_says_nothing_of_a_side() -> None:
    text = "The right answer is near. All right, it is the left kidney.\nAnswer: A. Calcium gluconate"
    made = mutated("swapped_side", text)
    assert made.text.startswith("The right answer is near. All right, it is the right kidney.")


def test_foreign_reasoning_holds_nothing_of_the_case_but_its_answer() -> None:
    assert mutated("foreign_reasoning").text == f"{OTHER}\n\nAnswer: A. Calcium gluconate"
    assert REASONING["foreign_reasoning"](Source(CASE, TEXT), dice_for(0)) is None


def test_orders_stand_behind_a_broken_chain_and_lone_texts_alone() -> None:
    orders = {mutated("ordered", seed=seed).detail for seed in range(60)}
    alone = {mutated("lone", seed=seed).text for seed in range(120)}
    assert orders == set(ORDERS)
    assert alone == set(LONE)
    assert mutated("ordered").text.startswith(OTHER)


def test_a_text_without_a_place_for_a_fault_gives_no_mutant() -> None:
    question = Question("q", "Which?", ("Yes", "No"), 0)
    for text in ("", ":", "Answer: A", "?" * 1000, "\x00"):
        for name in ("wrong_number", "negated_step", "swapped_side", "only_conclusion"):
            assert REASONING[name](Source(question, text), dice_for(0)) is None


def test_real_chains_give_cases_whose_labels_hold(shared: Path) -> None:
    path = shared / "data" / "cots" / "cots.jsonl"
    if not path.exists():
        pytest.skip(f"there is no {path}: it holds the published chains of thought")
    counts: dict[str, int] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[::STRIDE]:
        row = json.loads(line)
        question = Question(row["id"], row["question"], tuple(row["options"]), row["answer_index"])
        for told in row["cots"]:
            sound = case(question, labelled(told), presume=True)
            if not isinstance(sound, Probe) or sound.stratum != "sound":
                continue
            for probe in mutants(question, sound, 0, OTHER):
                counts[probe.kind] = counts.get(probe.kind, 0) + 1
                assert probe.text != sound.text
                if probe.stratum == "wrong_answer":
                    assert probe.answer not in (None, question.answer)
                elif probe.stratum == "broken_reasoning":
                    assert probe.answer in (sound.answer, question.answer)
    assert counts["wrong_option"] > 200 // STRIDE
    assert counts["negated_step"] > 200 // STRIDE
    assert counts["wrong_number"] > 50 // STRIDE
