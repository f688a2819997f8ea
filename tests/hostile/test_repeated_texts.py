"""No text of a file, however it repeats itself, takes much longer than its length asks for."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

import pytest

from reasonmed.checks.cases import Passage
from reasonmed.checks.rules import prose
from reasonmed.errors import QuestionError
from reasonmed.evaluation import rotation
from reasonmed.parsing import order
from reasonmed.parsing.contradiction import names_only_others
from reasonmed.pipeline.judging import mutations
from reasonmed.questions import _key, _letters, _literal, _oddities, _options
from reasonmed.runs.layouts._original_row import from_instruction
from reasonmed.screening import echo, phi, refusal
from reasonmed.types import Question

LENGTH = 100_000
SECONDS = 2.0
STRIDE = 1 if "REASONMED_EVERY_STEP" in os.environ else 8
"""`make test` tries every fourth text with each reader, `make test-heavy` each."""
OPTIONS = ("Aspirin", "Warfarin", "Acute pancreatitis", "no")
QUESTION = Question("q", "Which?", OPTIONS, 1)
NEXT = {"A": "B", "B": "C", "C": "D", "D": "A"}


def _quiet(read: Callable[[str], object]) -> Callable[[str], object]:
    def quiet(text: str) -> object:
        try:
            return read(text)
        except QuestionError:
            return None

    return quiet


def _mutated(change: Callable[[mutations.Source, random.Random], object]) -> Callable[[str], object]:
    def mutate(text: str) -> object:
        return change(mutations.Source(QUESTION, text), random.Random(0))

    return mutate


READERS: dict[str, Callable[[str], object]] = {
    "order": lambda text: order.relettered(text, NEXT),
    "options' order": lambda text: order.depends_on_order([text]),
    "contradiction": lambda text: names_only_others(text, OPTIONS, 1),
    "date": phi.date,
    "phone": phi.phone,
    "record number": phi.record_number,
    "e-mail": phi.email,
    "address": phi.url,
    "slot": echo.find_slot,
    "echo": echo.says_nothing,
    "refusal": refusal.find_refusal,
    "truncation": lambda text: prose.truncated(Passage("i", "record", text, None), QUESTION),
    "repetition": lambda text: prose.repetition(text, QUESTION),
    "lettered list": _letters.split_list,
    "lettered question": _letters.split_stem,
    "letter": _letters.mark_of,
    "options": _quiet(_options.listed),
    "printed options": _quiet(lambda text: _options.listed(f"[{text}]")),
    "key": _quiet(lambda text: _key.key_of([_key.Claim("answer", text, "any")], _key.Choices(OPTIONS), lambda *_: 0)),
    "oddities": lambda text: [*_oddities.oddities(Question("q", text, (text, "b", "c"), 0))],
    "printed map": lambda text: _literal.literal(f"{{{text}}}"),
    "instruction": from_instruction,
    "rotation": lambda text: rotation.fixed(Question("q", text, (text, "b"), 0)),
    "number": _mutated(mutations.wrong_number),
    "step": _mutated(mutations.negated_step),
    "side": _mutated(mutations.swapped_side),
}

UNITS = (
    *(" ", "\n", "\t", "\r\n", "(", "[", '"', "'", "`", "**", "\\", "{", "<", "<think>", "|", ",", ".", "-", "1"),
    *("1.", "a", "A", "A. ", "(A) ", "\nA) x", "A. x\n", "answer is ", "\\boxed{", "option ", "answer", "A and B "),
    *("all of ", "a@a.", "not ", "'a', ", '"a" ', "choices: ", "image ", "the ", "12/", "left "),
)
PLACES = (("", ""), ("The answer ", "x"), ("A", "\nAnswer: B"))


@pytest.mark.parametrize("name", READERS)
def test_a_text_that_repeats_itself_is_read_in_time(name: str) -> None:
    every = [(unit, *place) for unit in UNITS for place in PLACES]
    for unit, before, behind in every[list(READERS).index(name) % STRIDE :: STRIDE]:
        text = before + unit * (LENGTH // len(unit)) + behind
        began = time.process_time()
        READERS[name](text)
        assert time.process_time() - began < SECONDS, (unit, before)
