"""No reply, however hostile or degenerate, holds a run up."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.answer import parse_answer, unread_ending
from reasonmed.parsing.conclusion import without_conclusion
from reasonmed.parsing.judgment import parse_score, parse_verdict
from reasonmed.parsing.thinking import clean, split_thinking
from reasonmed.screening.leak import find_leak

LENGTH = 200_000
SECONDS = 2.0
OPTIONS = ("Aspirin", "Warfarin", "Acute pancreatitis", "no", "5 mg")
SIGNED = ("CD19+ cells", "CD19- cells", "≥140 mmHg", "-70 mV", "↑ pressure")


def _judged(reply: str) -> None:
    for parse in (parse_verdict, lambda text: parse_score(text, 1, 10)):
        try:
            parse(reply)
        except UnparsableReply:
            continue


READERS: dict[str, Callable[[str], object]] = {
    "answer": lambda text: parse_answer(text, OPTIONS),
    "signs": lambda text: parse_answer(text, SIGNED),
    "ending": lambda text: unread_ending(text, SIGNED),
    "judgment": _judged,
    "split": split_thinking,
    "clean": clean,
    "conclusion": without_conclusion,
    "leak": find_leak,
}

HOSTILE = {
    "open braces": ("", "{", ""),
    "open braces before an object": ("", "{", '{"verdict": "Correct", "score": 3}'),
    "open braces in a value": ('{"verdict": ', "{", ""),
    "nested objects": ("", '{"verdict": ', ""),
    "nested lists": ('{"score": ', "[", ""),
    "nested keys": ("", '{"a":', "1"),
    "open strings": ('{"verdict": ', '{"', ""),
    "quotes": ('{"verdict": "', '"', ""),
    "backslashes": ('{"verdict": "', "\\", '"}'),
    "broken objects": ("", '{"verdict": "Correct",} ', ""),
    "line breaks": ("## Thinking\n", "\n", "x"),
    "blanks after a label": ("The correct answer", " ", "x"),
    "blanks after a pronoun": ("I", " ", "x"),
    "stars": ("Answer:", "*", "x"),
    "bold letters": ("", "**A** ", ""),
    "bold openings": ("", "**A. ", ""),
    "listed letters": ("", "A. ", ""),
    "labels": ("", "Answer: ", "B"),
    "statements": ("", "The answer is A or B. ", ""),
    "reversed statements": ("", "Option B is correct. ", ""),
    "second answers": ("The answer is C. ", "C is also right. ", ""),
    "blanks before a second answer": ("The answer is C. D is", " ", "also right"),
    "blanks in a second answer": ("The answer is C. ", "D is also  ", ""),
    "letters that are also right": ("The answer is C. ", "A, B and ", "D are also right."),
    "further answers": ("The answer is C. ", "The answer is also ", "D"),
    "option texts": ("Therefore, ", "acute ", "pancreatitis."),
    "questions": ("", "Question: x\nAnswer: B\n", ""),
    "open answer tags": ("", "<answer>", "B"),
    "boxes": ("", "\\boxed{", "B"),
    "thinking tags": ("", "<think>", "Answer: B"),
    "ends of thinking": ("", "</think>", "Answer: B"),
    "tags in tags": ("", "<thi", "nk>" * 10_000),
    "decimal points": ("", "7.", ""),
    "raised digits": ("Answer: ", "⁶", "x"),
    "dashes apart": ("", ": - ", "x"),
    "words for a sign": ("", "greater than ", "140"),
    "signs of a word": ("", "CD19 +", ""),
    "struck openings": ("", "~~a", ""),
    "letters and words": ("The answer is C. ", "A is ", "better."),
    "openers": ("", "Alright, ", "x"),
    "leaks": ("", "given correct ", "answer"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_reply_is_done_with_in_time(name: str) -> None:
    start, unit, end = HOSTILE[name]
    reply = start + (unit * (LENGTH // len(unit) + 1))[: LENGTH - len(start) - len(end)] + end
    for reader, read in READERS.items():
        began = time.process_time()
        read(reply)
        assert time.process_time() - began < SECONDS, reader


@pytest.mark.parametrize("depth", [10, 900, 5_000])
def test_deep_nesting_is_a_refusal_and_no_crash(depth: int) -> None:
    for value in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        with pytest.raises(UnparsableReply):
            parse_verdict(f'{{"verdict": {value}, "reason": "x"}}')
        with pytest.raises(UnparsableReply):
            parse_score(f'{{"score": {value}, "justification": "x"}}', 1, 10)


def test_an_object_after_a_hundred_thousand_open_braces_is_found() -> None:
    assert parse_verdict("{" * 100_000 + '{"verdict": "Error", "reason": "x"}') == ("error", "x")


def test_a_number_of_ten_thousand_digits_is_a_refusal() -> None:
    with pytest.raises(UnparsableReply):
        parse_score(f'{{"score": {"1" * 10_000}, "justification": "x"}}', 1, 10)
