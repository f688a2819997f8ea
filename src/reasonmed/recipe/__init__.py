"""Recipes: which models, in which roles, with which options. ``load`` reads YAML and says all problems at once."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import ValidationError

from reasonmed import backends, plugins
from reasonmed.documents import Refused, reason, small_text
from reasonmed.errors import ReasonMedError, RecipeError
from reasonmed.recipe.checks import problems_between, settled
from reasonmed.recipe.options import Recipe, Stages
from reasonmed.recipe.reading import explain
from reasonmed.recipe.shipped import resource
from reasonmed.recipe.stages import find, shipped
from reasonmed.recipe.yaml_text import read_yaml
from reasonmed.screening.secrets import conceal_shapes, secrets_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["RECIPES", "Recipe", "at_once", "for_endpoint", "from_mapping", "load", "need_stages", "parse", "with_cap"]

RECIPES = ("local", "endpoint", "api", "batch", "eight_gpu", "one_gpu", "ray", "paper", "scripted")


def load(source: str | Path, stages: Collection[str] | None = None) -> Recipe:
    """Read a recipe from a file, or a shipped one by its name.

    Args:
        source: the file or name.
        stages: those that will run, all of the recipe by default; if none, ``models`` alone is enough.

    Raises:
        RecipeError: with every problem that was found.
    """
    path = Path(source)
    if str(source) in RECIPES and not path.exists():
        path = resource("recipes", f"{source}.yaml")
    try:
        text = small_text(path)
    except FileNotFoundError as missing:
        shipped = ", ".join(RECIPES)
        raise RecipeError([f"there is no file {source}; shipped recipes are {shipped}"], str(source)) from missing
    except (OSError, UnicodeDecodeError) as unread:
        raise RecipeError([f"cannot be read: {reason(unread)}"], str(source)) from unread
    return parse(text, str(source), path.parent, stages)


def for_endpoint(base_url: str, model: str, key_variable: str | None) -> Recipe:
    """The shipped recipe ``endpoint`` with one model behind one base URL in every role."""
    content = yaml.safe_load(resource("recipes", "endpoint.yaml").read_text(encoding="utf-8"))
    content["models"] = {
        "model": {"backend": "openai", "base_url": base_url, "model": model, "api_key_env": key_variable}
    }
    return parse(yaml.safe_dump(content), "endpoint")


def parse(
    text: str, source: str = "recipe", folder: Path | None = None, stages: Collection[str] | None = None
) -> Recipe:
    """Read a recipe from YAML text; paths in it are relative to ``folder``, and ``stages`` will run.

    Raises:
        RecipeError: with every problem that was found.
    """
    try:
        content = read_yaml(text)
    except Refused as broken:
        raise RecipeError([conceal_shapes(str(broken))], source) from None
    return from_mapping(content, source, folder, stages)


def from_mapping(
    content: object, source: str = "recipe", folder: Path | None = None, stages: Collection[str] | None = None
) -> Recipe:
    """Read a recipe from plain data, as YAML holds it. Paths in it are relative to ``folder``, and ``stages`` will run.

    Raises:
        RecipeError: with every problem that was found.
    """
    if not isinstance(content, dict):
        raise RecipeError(["must be a mapping with models and stages"], source)
    content = {"stages": {}, **content} if stages is not None and not stages else content
    context = {"folder": folder}
    rest = {name: part for name, part in content.items() if name != "models"}
    problems = [f"{one.path}: holds a secret ({one.why}); it does not belong in a recipe" for one in secrets_in(rest)]
    models = _read_models(content.get("models"), context, problems)
    if "stages" in content:
        content = {**content, "stages": _read_stages(content["stages"], context, problems)}
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(content, context=context)
    except ValidationError as wrong:
        problems += explain(wrong, Recipe)
    if recipe is not None:
        models |= _scorer(recipe, problems)
        recipe = settled(recipe.model_copy(update={"models": _bounded(models, recipe.limits.max_reply_mb)}))
        problems += problems_between(recipe, stages)
    if problems or recipe is None:
        raise RecipeError(problems, source)
    return recipe


def with_cap(chosen: Recipe, max_cost: float | None) -> Recipe:
    """The recipe with a cap on money; every model must have a known price where there is one.

    Raises:
        RecipeError: a model has none.
    """
    if max_cost is not None:
        chosen = chosen.model_copy(update={"limits": chosen.limits.model_copy(update={"max_cost": max_cost})})
    if chosen.limits.max_cost is not None:
        unknown = [name for name in chosen.used if chosen.model(name).priced is None]
        if unknown:
            raise RecipeError(
                [
                    f"models.{name}: has no known price, and a cap needs one: add price: {{input: .., output: ..}}"
                    for name in unknown
                ]
            )
    return chosen


def at_once(chosen: Recipe) -> Recipe:
    """A recipe whose requests are all sent at once; none goes into a batch job."""
    entries = {name: chosen.model(name) for name in chosen.models}
    models = {name: one.model_copy(update={"batch": False}) if one.collects else one for name, one in entries.items()}
    return chosen.model_copy(update={"models": models})


def need_stages(chosen: Recipe, stages: Iterable[str], name: str | None = None) -> None:
    """Raise where the recipe leaves out a stage that a command needs.

    Raises:
        RecipeError: it does.
    """
    missing = [stage for stage in stages if getattr(chosen.stages, stage, None) is None]
    if missing:
        raise RecipeError(
            [f"stages.{stage}: is missing, and this command needs it" for stage in missing], name or "recipe"
        )


def _read_stages(entries: object, context: dict[str, Path | None], problems: list[str]) -> object:
    """Tables of stages; those that are no fields of ``Stages`` are checked here, and named as their stage is."""
    if not isinstance(entries, dict):
        return entries
    read = {name: entry for name, entry in entries.items() if name in Stages.model_fields}
    for name, entry in entries.items():
        if name in read or entry is None:
            continue
        try:
            spec = find(str(name))
        except ReasonMedError as wrong:
            problems.append(f"stages.{name}: {wrong}")
            continue
        if spec is None:
            problems.append(f"stages.{name}: unknown option; {_nearest(str(name))}")
        elif spec.name in read:
            problems.append(f"stages.{name}: is the stage {spec.name}, which stands twice")
        else:
            try:
                read[spec.name] = spec.options.model_validate(entry, context=context)
            except ValidationError as wrong:
                problems += explain(wrong, spec.options, f"stages.{name}")
    return read


def _nearest(name: str) -> str:
    others = [one.name for one in plugins.installed("stages")]
    known = sorted({*Stages.model_fields, *shipped(), *others})
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _bounded(models: dict[str, object], most: float | None) -> dict[str, object]:
    """Model entries that have the recipe's bound of a reply where they have none of their own."""
    bounded = dict(models)
    for name, entry in models.items():
        if most is not None and isinstance(entry, backends.ModelSettings) and entry.limits.max_reply_mb is None:
            limits = entry.limits.model_copy(update={"max_reply_mb": most})
            bounded[name] = entry.model_copy(update={"limits": limits})
    return bounded


def _scorer(recipe: Recipe, problems: list[str]) -> dict[str, object]:
    """The model entry of the folder that ``rank.scorer`` names, under the folder's own name."""
    folder = recipe.stages.rank.scorer if recipe.stages.rank else None
    if folder is None:
        return {}
    try:
        made = backends.find("prm").Settings.model_validate({"backend": "prm", "model": folder})
        _ = made.identity
    except ReasonMedError as wrong:
        problems.append(f"stages.rank.scorer: {wrong}")
        return {folder: None}
    return {folder: made}


def _read_models(entries: object, context: dict[str, Path | None], problems: list[str]) -> dict[str, object]:
    """Model entries, checked; one with problems stays as it is, so that its name is known."""
    if not isinstance(entries, dict) or not entries:
        problems.append("models: must name at least one model")
        return {}
    models: dict[str, object] = dict(entries)
    for name, entry in entries.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("backend"), str):
            problems.append(f"models.{name}: must have a backend, one of {', '.join(backends.shipped())}")
            continue
        try:
            settings = backends.find(entry["backend"]).Settings
            made = models[name] = settings.model_validate(entry, context=context)
            _ = made.identity
        except ValidationError as wrong:
            problems += explain(wrong, settings, f"models.{name}")
        except (ValueError, ReasonMedError) as wrong:
            problems.append(f"models.{name}: {wrong}")
    return models
