from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from reasonmed.types import Kept, Question, Story, Verdict, digest, letter
from support import chain, question

BASE = Request(model="m", messages=(Message("user", "hello"),), sampling=SamplingParameters(0.7, 0.9, 100))


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "other"},
        {"revision": "fp8"},
        {"messages": (Message("user", "hello!"),)},
        {"messages": (Message("system", "be brief"), Message("user", "hello"))},
        {"sampling": SamplingParameters(0.8, 0.9, 100)},
        {"sampling": SamplingParameters(None, 0.9, 100)},
        {"sampling": SamplingParameters(0.7, 0.8, 100)},
        {"sampling": SamplingParameters(0.7, 0.9, 100, seed=1)},
        {"sampling": SamplingParameters(0.7, 0.9, 100, stop=("\n",))},
        {"response_schema": {"type": "object"}},
        {"extra_body": {"top_k": 5}},
        {"sample": 1},
        {"attempt": 1},
    ],
    ids=str,
)
def test_what_can_change_a_reply_changes_the_key(changed: dict[str, Any]) -> None:
    assert replace(BASE, **changed).key != BASE.key


@pytest.mark.parametrize(
    "changed", [{"stage": "verify"}, {"question_id": "q9"}, {"sampling": SamplingParameters(0.7, 0.9, 999)}], ids=str
)
def test_what_cannot_change_a_reply_leaves_the_key(changed: dict[str, Any]) -> None:
    assert replace(BASE, **changed).key == BASE.key


def test_a_changed_request_does_not_keep_the_key_of_the_old_one() -> None:
    assert BASE.key
    assert replace(BASE, sample=5).key != BASE.key


def test_the_order_of_fields_in_a_schema_does_not_matter() -> None:
    one = replace(BASE, response_schema={"a": 1, "b": {"c": 2, "d": 3}})
    other = replace(BASE, response_schema={"b": {"d": 3, "c": 2}, "a": 1})
    assert one.key == other.key


def test_records_are_frozen() -> None:
    with pytest.raises(AttributeError):
        question().stem = "other"  # type: ignore[misc]


def test_a_story_survives_json() -> None:
    story = Story(question(), (chain(),), kept=(Kept(text="t", model="m", verdict=Verdict("correct", "r", "j")),))
    assert msgspec.json.decode(msgspec.json.encode(story), type=Story) == story


def test_a_chain_that_a_judge_accepts_against_the_key_is_not_verified() -> None:
    assert Kept(text="t", model="m", verdict=Verdict("correct")).verified
    assert not Kept(text="t", model="m", verdict=Verdict("correct", conflict=True)).verified
    assert not Kept(text="t", model="m", verdict=Verdict("undecided")).verified
    assert not Kept(text="t", model="m").verified


def test_the_outcome_of_a_chain_names_its_state() -> None:
    assert chain(outcome=None).outcome == "unjudged"
    assert chain(missing="cut").outcome == "missing"
    assert chain(outcome="error").outcome == "error"


def test_the_key_is_shown_with_letter_and_text() -> None:
    assert question().key_text == "B. Warfarin"
    with pytest.raises(ValueError, match="q1"):
        _ = Question("q1", "s", ("a", "b")).key_text


def test_letters_and_digests() -> None:
    assert [letter(index) for index in (0, 25)] == ["A", "Z"]
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert len(digest("x", 8)) == 16


def test_a_cut_completion_is_one_that_the_limit_ended() -> None:
    assert Completion("x", finish_reason="length").cut
    assert not Completion("x").cut
