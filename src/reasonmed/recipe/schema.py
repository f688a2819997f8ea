"""The JSON Schema of recipes, for editors. ``python -m reasonmed.recipe.schema`` writes the file that is shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic.json_schema import models_json_schema

from reasonmed import backends
from reasonmed.recipe.options import Recipe

if TYPE_CHECKING:
    from pydantic import BaseModel

SCHEMA = Path(__file__).with_name("recipe.schema.json")


def schema_text() -> str:
    """The schema of a recipe, with the fields of every shipped back end."""
    settings = {name: backends.find(name).Settings for name in backends.shipped()}
    models: list[type[BaseModel]] = [Recipe, *settings.values()]
    found, whole = models_json_schema([(model, "validation") for model in models])
    definitions = whole["$defs"]
    recipe = definitions.pop(found[Recipe, "validation"]["$ref"].rpartition("/")[2])
    recipe["properties"]["models"]["additionalProperties"] = {
        "type": "object",
        "required": ["backend"],
        "properties": {"backend": {"anyOf": [{"enum": [*settings]}, {"type": "string", "pattern": r"\."}]}},
        "allOf": [
            {"if": {"properties": {"backend": {"const": name}}}, "then": found[model, "validation"]}
            for name, model in settings.items()
        ],
    }
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **recipe, "$defs": definitions}
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
