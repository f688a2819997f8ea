"""The JSON Schema of recipes, for editors. ``python -m reasonmed.recipe.schema`` writes the file that is shipped."""

from __future__ import annotations

import ast
import inspect
import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from reasonmed import backends
from reasonmed.recipe.options import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import ModelSchema

SCHEMA = Path(__file__).with_name("recipe.schema.json")


class _Described(GenerateJsonSchema):
    """A schema whose fields have the texts that stand below them in the source; to read it takes too long for a run."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        for name, text in _below_fields(schema["cls"]).items():
            if name in made.get("properties", {}):
                made["properties"][name]["description"] = text
        return made


def _below_fields(model: type[BaseModel]) -> dict[str, str]:
    """The text below each field of a class, and of those that it is made from."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one is not BaseModel:
            (made,) = ast.parse(inspect.getsource(one)).body
            found |= dict(_described(made))
    return found


def _described(made: ast.AST) -> Iterator[tuple[str, str]]:
    body = made.body if isinstance(made, ast.ClassDef) else []
    for field, below in pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


def schema_text() -> str:
    """The schema of a recipe, with the fields of every shipped back end."""
    settings = {name: backends.find(name).Settings for name in backends.shipped()}
    models: list[type[BaseModel]] = [Recipe, *settings.values()]
    found, whole = models_json_schema([(model, "validation") for model in models], schema_generator=_Described)
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
