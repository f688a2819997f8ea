"""Editors read the recipe's JSON Schema: it is what the code accepts."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from reasonmed.recipe import RECIPES
from reasonmed.recipe.schema import SCHEMA, schema_text
from reasonmed.recipe.shipped import resource
from reasonmed.recipe.yaml_text import read_yaml

VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_text()))


def test_the_shipped_schema_is_that_of_the_options() -> None:
    fix = "python -m reasonmed.recipe.schema writes it again"
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), fix


@pytest.mark.parametrize("name", RECIPES)
def test_every_shipped_recipe_is_valid(name: str) -> None:
    recipe = read_yaml(resource("recipes", f"{name}.yaml").read_text(encoding="utf-8"))
    assert [error.message for error in VALIDATOR.iter_errors(recipe)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("stages", "verify", "temprature"), 0.0),
        (("stages", "generate", "max_tokens"), "many"),
        (("models", "judge", "base_ulr"), "http://127.0.0.1:8000/v1"),
        (("models", "judge", "backend"), "nowhere"),
        (("limits", "in_flight"), 0),
    ],
)
def test_a_mistyped_key_or_value_is_marked(path: tuple[str, ...], value: object) -> None:
    recipe = {
        "models": {"judge": {"backend": "openai", "model": "m"}},
        "stages": {"generate": {"models": ["judge"]}, "verify": {"model": "judge"}},
        "limits": {},
    }
    assert VALIDATOR.is_valid(recipe)
    place: Any = recipe
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(recipe)


def test_fields_have_their_meaning_for_hovering() -> None:
    found = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert found["$defs"]["Generate"]["properties"]["samples"]["description"].startswith("Chains of thought per model")
