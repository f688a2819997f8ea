"""JSON and small files from outside: plain values, or one error that says why not."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.documents import Refused, json_value, small_file, small_text

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_any_json_is_read_as_the_value_that_it_is(value: object) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert json_value(text) == value
        assert json_value(text.encode()) == value


@given(st.text(), VALUES, VALUES)
def test_a_key_twice_is_refused_however_it_is_written(key: str, one: object, other: object) -> None:
    plain, escaped = json.dumps(key, ensure_ascii=False), '"' + "".join(f"\\u{ord(c):04x}" for c in key) + '"'
    again = plain if any(ord(letter) > 0xFFFF for letter in key) else escaped
    text = f'[{{{plain}: {json.dumps(one)}, "\\u0000x": [], {again} : {json.dumps(other)}}}]'
    if key != "\0x":
        with pytest.raises(Refused, match="twice in one object"):
            json_value(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 101 + "]" * 101, "nested more than 100 levels deep"),
        ("[" * 200_000, "nested more than 100 levels deep"),
        ("9" * 10_000, "out of range"),
        ("1e400", "out of range"),
        ("NaN", "is not valid JSON"),
        (b'"\xff"', r"is not UTF-8 \(byte 0xff\)"),
        ('"\\ud800"', "is not valid JSON"),
        ("", "is not valid JSON"),
    ],
)
def test_what_is_no_plain_value_is_refused_with_the_reason(text: str | bytes, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        json_value(text)


def test_a_hundred_levels_are_read_and_texts_that_look_like_keys_are_texts() -> None:
    assert json_value("[" * 100 + "]" * 100)
    assert json_value('{"a": "he said \\"b\\": no, \\"b\\": yes"}') == {"a": 'he said "b": no, "b": yes'}


def test_a_small_file_is_a_file_and_small(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"1234")
    assert small_file(tmp_path / "good", 4) == b"1234"
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    for name, problem in (
        ("good", "larger than"),
        ("pipe", "a pipe or a device"),
        ("zero", "a pipe or a device"),
        ("", "directory"),
        ("loop", "symbolic links"),
        ("\0", "no name of a file"),
        ("\ud800", "no name of a file"),
    ):
        with pytest.raises(OSError, match=problem):
            small_text(tmp_path / name, 3)
