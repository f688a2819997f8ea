"""YAML of recipes and training files: plain values, bounded."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reasonmed import recipe
from reasonmed.documents import Refused
from reasonmed.errors import RecipeError
from reasonmed.recipe.yaml_text import read_yaml

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(alphabet=st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_plain_values_come_back_as_they_were_written(value: object) -> None:
    assert read_yaml(yaml.safe_dump(value)) == value


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "line 3, column 1: key 'a' stands twice"),
        ("{1: a}", "the key '1' is no text; put it in quotes"),
        ("{? [a] : b}", "a key is no text"),
        ("on: 1", "the key 'on' is no text"),
        ("a: !!set {b}", "only texts, numbers, lists and maps are read"),
        ("a: !!binary aGFsbG8=", "is a binary"),
        ("a: !!timestamp 2024-01-01", "is a timestamp"),
        ("a: !!python/object/apply:os.system [ls]", "only texts"),
        ("a: .nan", "is no number that can be sent"),
        ("a: 1.0e+400", "is no number that can be sent"),
        ("a: " + "9" * 5_000, "an integer of 5,000 digits is too large"),
        ("a: &b [*b]", "stands within what it names"),
        ("a: &b {<<: *b}", "stands within what it names"),
        ("a: " + "[" * 101, "nested more than 100 levels"),
        ('a: "\\ud800"', "half of a character|invalid Unicode character"),
        ("a: [", "is not valid YAML"),
        ("a" * (1 << 20) + "a", "is larger than 1 MB"),
    ],
)
def test_what_only_yaml_has_is_refused_with_place_and_fix(text: str, problem: str) -> None:
    with pytest.raises(Refused, match=problem):
        read_yaml(text)


@pytest.mark.parametrize("kind", ["[{}]", "{{<<: [{}]}}"])
def test_aliases_that_multiply_are_refused_at_once(kind: str) -> None:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} " + kind.format(", ".join([f"*a{n - 1}"] * 9)) for n in range(1, 30)]
    began = time.process_time()
    with pytest.raises(Refused, match="counted as often as its aliases"):
        read_yaml("\n".join(lines))
    assert time.process_time() - began < 1


def test_aliases_and_merges_are_read_and_a_date_is_a_text() -> None:
    told = read_yaml("a: &a {x: 1, y: 2024-01-01}\nb: {<<: *a, x: 3}\nc: *a")
    assert told == {
        "a": {"x": 1, "y": "2024-01-01"},
        "b": {"x": 3, "y": "2024-01-01"},
        "c": {"x": 1, "y": "2024-01-01"},
    }


@pytest.mark.parametrize(
    "name", ["../x", "reasonmed.cli", "os.path", "_http", ".openai", "a b", "openai\\0", "json.tool"]
)
def test_a_back_end_is_a_shipped_one_or_a_module_of_its_shape(name: str) -> None:
    text = f'models: {{m: {{backend: "{name}", model: m}}}}\nstages: {{}}'
    with pytest.raises(RecipeError, match=r"models\.m: (there is no backend|backend .* has no class Settings)"):
        recipe.parse(text)
