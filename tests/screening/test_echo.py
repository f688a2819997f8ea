"""Texts that say nothing of their own: forms left as they were, and the prompt given back."""

from __future__ import annotations

import re
import time

import pytest

from reasonmed.recipe.templates import Prompt
from reasonmed.screening.echo import echoed_share, find_slot, says_nothing

PROMPTS = (
    *("generate", "verify", "consensus", "rank", "refine", "optimize", "summarize", "score", "blind", "evaluate"),
    "evaluate_bare",
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ... ",
        "-",
        "<explanation>",
        "[write your reason here]",
        "{reason}",
        "Reason",
        "your explanation here",
        "The reason for the verdict",
        "A short justification",
        "One sentence.",
        "In one to two sentences",
        "two brief sentences: why the chain holds or fails",
        "1-3 sentences explaining the score",
        "Why it is right or wrong",
        "what is missing",
        "string",
    ],
)
def test_a_form_that_nobody_filled_in_says_nothing(text: str) -> None:
    assert says_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "ok",
        "because",
        "A step fails.",
        "The reasoning is sound.",
        "The reason given for choosing aspirin is false.",
        "Two sentences contradict each other.",
        "One sentence of the chain calls warfarin fast.",
        "What is wrong is the dose.",
        "Why the potassium rises is never said.",
        "原因不正确",
        "<5 mg is too little",
    ],
)
def test_a_short_statement_says_something(text: str) -> None:
    assert not says_nothing(text)


def test_the_instructions_given_back_are_an_echo_and_words_of_the_case_are_none() -> None:
    prompt = Prompt("verify").fixed
    copied = "Name the finding, the option or the step of this chain of thought that decided it!"
    assert echoed_share(copied, prompt) == 1
    assert echoed_share(f"Well: {copied}", prompt) > 0.8
    assert echoed_share("The logic leads to heparin, and each option is weighed.", prompt) == 0
    assert (
        echoed_share("All four hold: the potassium explains the weakness, and every option is evaluated.", prompt) < 0.5
    )
    assert echoed_share("sound", prompt) == 0


def test_what_stands_in_a_prompt_by_its_values_is_no_instruction() -> None:
    fixed = Prompt("optimize").fixed
    assert "{{" not in fixed
    assert "{%" not in fixed
    assert "weakness" in fixed


def test_a_slot_is_found_where_it_is_left_open_and_not_where_it_is_a_tag() -> None:
    assert find_slot("Answer: <letter>. <text>") == "<letter>"
    assert find_slot("D. Polyarteritis nodosa <Letter>") == "<Letter>"
    assert find_slot("<text>Heparin acts at once.</text>") is None
    assert find_slot("Values <5 and >3 are normal; x<text.") is None


@pytest.mark.parametrize("name", PROMPTS)
def test_no_prompt_shows_a_value_that_could_be_copied(name: str) -> None:
    fixed = Prompt(name).fixed
    assert find_slot(fixed) is None
    assert not re.search(r"[<{\[][^\n]*[>}\]]|\.\.\.", fixed)
    assert not re.search(r'"\w+"\s*:', fixed)
    assert not re.search(r"^Answer\s*:", fixed, re.MULTILINE)


def test_long_texts_take_no_long_time() -> None:
    started = time.process_time()
    for text in (
        "<letter>" * 9000 + "</letter>" + "<letter>" * 9000,
        "what " * 20_000,
        "one or two " * 9000,
        "[" * 99_999,
    ):
        find_slot(text)
        says_nothing(text)
        echoed_share(text, Prompt("verify").fixed)
    assert time.process_time() - started < 5
