from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reply_corpus import Case, cases

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.judgment import VERDICT_SCHEMA, parse_score, parse_verdict, score_schema


def _verdict(reply: str) -> str | None:
    try:
        return parse_verdict(reply)[0]
    except UnparsableReply:
        return None


def _score(reply: str, low: int, high: int) -> int | None:
    try:
        return parse_score(reply, low, high)[0]
    except UnparsableReply:
        return None


@pytest.mark.parametrize("case", cases("verdict"), ids=lambda case: case.id)
def test_a_verdict_is_read_as_it_was_meant(case: Case) -> None:
    assert _verdict(case.reply) == case.expected, case.why


@pytest.mark.parametrize("case", cases("score"), ids=lambda case: case.id)
def test_a_score_is_read_as_it_was_meant(case: Case) -> None:
    assert _score(case.reply, case.low, case.high) == case.expected, case.why


@settings(max_examples=150)
@given(st.one_of(st.text(), st.text(alphabet="{}[]\"':, verdictscoreCE\n\\1.", max_size=80)))
def test_any_text_is_a_judgment_or_a_refusal(text: str) -> None:
    assert _verdict(text) in ("correct", "error", None)
    score = _score(text, 1, 10)
    assert score is None or 1 <= score <= 10


@settings(max_examples=100)
@given(st.sampled_from(["Correct", "Error"]), st.text(alphabet=st.characters(exclude_characters="<>[]{}"), max_size=60))
def test_what_the_schema_allows_is_read_and_can_be_stored(verdict: str, reason: str) -> None:
    outcome, said = parse_verdict(json.dumps({"verdict": verdict, "reason": f"The dose: {reason}"}))
    assert outcome == verdict.lower()
    assert said.encode("utf-8") is not None


@settings(max_examples=60)
@given(st.integers(-5, 20), st.integers(0, 5), st.integers(6, 15))
def test_a_score_counts_within_its_bounds_only(score: int, low: int, high: int) -> None:
    reply = f'{{"score": {score}, "justification": "x"}}'
    assert _score(reply, low, high) == (score if low <= score <= high else None)


def test_the_reason_comes_with_the_verdict() -> None:
    assert parse_verdict('{"verdict": "Error", "reason": "  The dose is wrong. "}') == ("error", "The dose is wrong.")
    assert parse_verdict('{"verdict": "Error"}') == ("error", "")
    assert parse_score('{"score": 4, "justification": " Thorough. "}', 0, 5) == (4, "Thorough.")


def test_halves_of_characters_are_left_out_of_the_reason() -> None:
    reply = '{"verdict": "Error", "reason": "sad \\ud83d face, glad \\ud83d\\ude00 face"}'
    assert parse_verdict(reply)[1] == "sad  face, glad \U0001f600 face"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ('{"verdict": "Maybe"}', 'the verdict is \'Maybe\', it must be "Correct" or "Error"'),
        ('{"verdict": true}', "the verdict is True"),
        ('{"verdict": ["Correct"]}', "the verdict is a list"),
        ('{"verdict": {"Correct": 1}}', "the verdict is an object"),
    ],
)
def test_a_refused_verdict_says_what_it_was_and_what_it_must_be(reply: str, said: str) -> None:
    with pytest.raises(UnparsableReply, match=said):
        parse_verdict(reply)


@pytest.mark.parametrize(("value", "said"), [("11", "11"), ("7.5", "7.5"), ("true", "True"), ("null", "None")])
def test_a_refused_score_says_what_it_was_and_what_it_must_be(value: str, said: str) -> None:
    with pytest.raises(UnparsableReply, match=f"the score is {said}, it must be an integer from 1 to 10"):
        parse_score(f'{{"score": {value}, "justification": "x"}}', 1, 10)


def test_a_refusal_does_not_repeat_a_huge_value() -> None:
    with pytest.raises(UnparsableReply) as refusal:
        parse_verdict(json.dumps({"verdict": "x" * 100_000}))
    assert len(str(refusal.value)) < 200


def test_the_schemas_ask_for_what_is_parsed() -> None:
    verdict = json.loads(json.dumps(VERDICT_SCHEMA))
    assert verdict["required"] == ["verdict", "reason"]
    for word in verdict["properties"]["verdict"]["enum"]:
        assert _verdict(json.dumps({"verdict": word, "reason": "Sound."})) == word.lower()
    schema = json.loads(json.dumps(score_schema(0, 5)))
    bounds = schema["properties"]["score"]
    assert (bounds["type"], bounds["minimum"], bounds["maximum"]) == ("integer", 0, 5)
    assert schema["required"] == ["score", "justification"]
    assert not verdict["additionalProperties"]
    assert not schema["additionalProperties"]
