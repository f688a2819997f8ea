"""Recipes and endpoints, as a person names them in Python."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from reasonmed.recipe import Recipe, for_endpoint, from_mapping, load


class Endpoint(Struct, frozen=True):
    """A model behind an OpenAI-compatible base URL; ``key_env`` names the environment variable with its key."""

    url: str
    model: str
    key_env: str | None = None


Source = str | os.PathLike[str] | Mapping[str, object] | Endpoint | Recipe
"""What names a recipe: a file, a shipped one's name, its content, a recipe, or one endpoint in every role."""


def endpoint(url: str, model: str, key_env: str | None = None) -> Endpoint:
    """A model behind an OpenAI-compatible base URL: to evaluate, or as the recipe with it in every role.

    Args:
        url: the base URL, such as ``http://localhost:11434/v1``.
        model: the model's name there.
        key_env: the environment variable with the key, if it takes one.
    """
    return Endpoint(url, model, key_env)


def load_recipe(recipe: Source) -> Recipe:
    """A recipe from a file, from a shipped one's name (``scripted``, ``api``, ``paper``), or from its content.

    Paths in a mapping are relative to the working directory.

    Raises:
        RecipeError: with every problem that was found.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, Endpoint):
        return for_endpoint(recipe.url, recipe.model, recipe.key_env)
    if isinstance(recipe, Mapping):
        return from_mapping(dict(recipe), folder=Path())
    return load(os.fspath(recipe))
