"""Paths in a recipe, which are relative to its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo


def _home(value: str) -> Path:
    try:
        return Path(value).expanduser()
    except RuntimeError as nobody:
        raise ValueError("must be a path; there is no such user") from nobody


def _beside_recipe(value: object, info: ValidationInfo) -> object:
    folder = (info.context or {}).get("folder")
    if isinstance(value, str) and folder is not None:
        return Path(folder, _home(value))
    return value


RecipePath = Annotated[Path, BeforeValidator(_beside_recipe)]
"""A path that is relative to the recipe's folder."""


def _folder_beside_recipe(value: object, info: ValidationInfo) -> object:
    found = _beside_recipe(value, info)
    return str(found) if isinstance(found, Path) else value


RecipeFolder = Annotated[str, BeforeValidator(_folder_beside_recipe)]
"""The same, where the path is a model's name."""
