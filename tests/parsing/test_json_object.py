from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.json_object import find_object

prose = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="{}<>[]"), max_size=60)
strings = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="<>[]"), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(strings, values, max_size=4).flatmap(
    lambda others: values.map(lambda value: {**others, "verdict": value})
)


@settings(max_examples=150)
@given(prose, objects, prose, st.sampled_from([None, 2]))
def test_a_valid_object_is_found_in_any_prose(
    before: str, wanted: dict[str, Any], after: str, indent: int | None
) -> None:
    written = json.dumps(wanted, ensure_ascii=bool(indent), indent=indent)
    assert find_object(f"{before}{written}{after}", "verdict") == wanted


@settings(max_examples=80)
@given(objects, objects)
def test_the_last_of_two_objects_is_found(first: dict[str, Any], second: dict[str, Any]) -> None:
    reply = f"Draft:\n{json.dumps(first)}\nFinal:\n```json\n{json.dumps(second)}\n```"
    assert find_object(reply, "verdict") == second


@settings(max_examples=80)
@given(objects)
def test_an_object_in_the_thinking_is_not_found(wanted: dict[str, Any]) -> None:
    with pytest.raises(UnparsableReply):
        find_object(f"<think>{json.dumps(wanted)}</think>The chain is sound.", "verdict")


@settings(max_examples=150)
@given(st.one_of(st.text(), st.text(alphabet="{}[]\"':, verdict\n\\1x", max_size=80)))
def test_any_text_gives_an_object_with_the_field_or_a_refusal(text: str) -> None:
    try:
        found = find_object(text, "verdict")
    except UnparsableReply:
        return
    assert "verdict" in found


@pytest.mark.parametrize("field_first", [True, False])
@pytest.mark.parametrize("value", ["Correct", "Error", 1, 10])
def test_a_cut_object_never_gives_another_value(value: str | int, *, field_first: bool) -> None:
    reason = {"reason": 'It says "10" and {x}, 1.'}
    wanted = {"verdict": value, **reason} if field_first else {**reason, "verdict": value}
    written = json.dumps(wanted)
    for end in range(len(written)):
        try:
            found = find_object(written[:end], "verdict")
        except UnparsableReply:
            continue
        assert found["verdict"] == value


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_cut_after_the_field_keeps_the_field(cut: int) -> None:
    written = '{"verdict": "Error", "reason": "The dose is wrong"}'
    assert find_object(written[:-cut], "verdict")["verdict"] == "Error"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ('{"verdict": "Error", "reason": "line one\nline two"}', "line one\nline two"),
        ('{"verdict": "Error", "reason": "It\'s Crohn\'s"}', "It's Crohn's"),
        ("{'verdict': 'Error', 'reason': 'plain'}", "plain"),
        ('{"verdict": "Error", "reason": "see {B} and {C}"}', "see {B} and {C}"),
        ('{"verdict": "Error", "reason": "see {B} and {C}",}', "see {B} and {C}"),
        ('{"reason": "see {B} and {C}", "verdict": "Error",}', "see {B} and {C}"),
        ('{"verdict": "Error", "reason": "a tab\tinside"}', "a tab\tinside"),
        ('{"verdict": "Error", "reason": "\\u00e9tat"}', "état"),
    ],
)
def test_the_reason_is_kept_as_it_was_said(reply: str, reason: str) -> None:
    assert find_object(reply, "verdict") == {"verdict": "Error", "reason": reason}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("The chain is sound.", 'there is no JSON object with the field "verdict"'),
        ('{"score": 3}', 'there is no JSON object with the field "verdict"'),
        ('{"verdict": "Corr', 'the JSON object with the field "verdict" is broken or was cut'),
        ('{"verdict": "Correct", "verdict": "Error"}', 'the field "verdict" stands twice'),
        ('{"verdict": "Error", "example": {"verdict": "Correct"},}', "stands inside a broken one"),
    ],
)
def test_a_refusal_says_what_is_wrong(reply: str, said: str) -> None:
    with pytest.raises(UnparsableReply, match=said):
        find_object(reply, "verdict")


def test_an_older_object_does_not_stand_in_for_a_cut_one() -> None:
    with pytest.raises(UnparsableReply):
        find_object('{"verdict": "Correct", "reason": "fine"}\nNo:\n{"verdict": "Error", "reas', "score")
    with pytest.raises(UnparsableReply):
        find_object('{"verdict": "Correct", "reason": "fine"}\nNo:\n{"verdict": "Err', "verdict")


def test_an_object_beyond_a_thousand_others_is_found() -> None:
    others = '{"step": 1}\n' * 3_000
    assert find_object(f'{others}{{"verdict": "Error"}}', "verdict") == {"verdict": "Error"}
    assert find_object(f'{{"verdict": "Error"}}\n{"x " * 50_000}', "verdict") == {"verdict": "Error"}
