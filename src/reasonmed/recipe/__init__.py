"""Recipes: which models, in which roles, with which options. ``load`` reads YAML and says all problems at once."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ValidationError

from reasonmed import backends
from reasonmed.errors import ReasonMedError, RecipeError
from reasonmed.recipe.checks import problems_between
from reasonmed.recipe.options import Recipe
from reasonmed.resources import resource

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["RECIPES", "Recipe", "load", "parse"]

RECIPES = ("local", "endpoint", "api", "eight_gpu", "paper", "scripted")


def load(source: str | Path) -> Recipe:
    """Read a recipe from a file, or a shipped one by its name.

    Raises:
        RecipeError: with every problem that was found.
    """
    path = Path(source)
    if str(source) in RECIPES and not path.exists():
        path = resource("recipes", f"{source}.yaml")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        shipped = ", ".join(RECIPES)
        raise RecipeError([f"there is no file {source}; shipped recipes are {shipped}"], str(source)) from missing
    except (OSError, UnicodeDecodeError) as unread:
        raise RecipeError([f"cannot be read: {unread}"], str(source)) from unread
    return parse(text, str(source), path.parent)


def for_endpoint(base_url: str, model: str, key_variable: str | None) -> Recipe:
    """The shipped recipe ``endpoint`` with one model behind one base URL in every role."""
    content = yaml.safe_load(resource("recipes", "endpoint.yaml").read_text(encoding="utf-8"))
    content["models"] = {
        "model": {"backend": "openai", "base_url": base_url, "model": model, "api_key_env": key_variable}
    }
    return parse(yaml.safe_dump(content), "endpoint")


def parse(text: str, source: str = "recipe", folder: Path | None = None) -> Recipe:
    """Read a recipe from YAML text; paths in it are relative to ``folder``.

    Raises:
        RecipeError: with every problem that was found.
    """
    try:
        content = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader that also refuses duplicate keys
    except yaml.YAMLError as broken:
        raise RecipeError([f"is not valid YAML: {' '.join(str(broken).split())}"], source) from broken
    if not isinstance(content, dict):
        raise RecipeError(["must be a mapping with models and stages"], source)
    context = {"folder": folder}
    problems: list[str] = []
    models = _read_models(content.get("models"), context, problems)
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(content, context=context)
    except ValidationError as wrong:
        problems += _explain(wrong, Recipe)
    if recipe is not None:
        recipe = recipe.model_copy(update={"models": models})
        problems += problems_between(recipe)
    if problems or recipe is None:
        raise RecipeError(problems, source)
    return recipe


class _Loader(yaml.SafeLoader):
    """Safe YAML in which a key may stand only once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} stands twice", key_node.start_mark)
            seen.add(key if isinstance(key, str) else id(key_node))
        return super().construct_mapping(node, deep)


def _read_models(entries: object, context: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Model entries, checked; one with problems stays as it is, so that its name is known."""
    if not isinstance(entries, dict) or not entries:
        problems.append("models: must name at least one model")
        return {}
    models: dict[str, Any] = dict(entries)
    for name, entry in entries.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("backend"), str):
            problems.append(f"models.{name}: must have a backend, one of {', '.join(backends.shipped())}")
            continue
        try:
            settings = backends.find(entry["backend"]).Settings
            models[name] = settings.model_validate(entry, context=context)
            _ = models[name].identity
        except ValidationError as wrong:
            problems += _explain(wrong, settings, f"models.{name}")
        except (ValueError, ReasonMedError) as wrong:
            problems.append(f"models.{name}: {wrong}")
    return models


def _explain(wrong: ValidationError, shape: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """One sentence for each problem: path, value, what is expected, and the nearest known name."""
    for error in wrong.errors(include_url=False):
        parts = [str(part) for part in error["loc"]]
        path = ".".join(part for part in (prefix, *parts) if part)
        if error["type"] == "extra_forbidden":
            known = _fields_at(shape, error["loc"][:-1])
            near = difflib.get_close_matches(parts[-1], known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            yield f"{path}: there is no such option; {hint}"
        elif error["type"] == "missing":
            yield f"{path}: is missing"
        else:
            yield f"{path}: {error['msg'][0].lower()}{error['msg'][1:]}, not {error['input']!r}"


def _fields_at(shape: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for part in path:
        field = shape.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            break
        shape = inner
    return sorted(shape.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 - any annotation
    for one in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None
