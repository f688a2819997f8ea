"""The part of a recipe that can change a record: equal identity and questions, equal records for equal replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed import parsing
from reasonmed.prompting import Prompt
from reasonmed.recipe.checks import blind_reader
from reasonmed.recipe.options import Generate, Recipe, Role, Stages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RECORD_FORMAT = 1
"""Raised when the pipeline itself comes to make other records from the same replies."""

_PROMPTS = {"verify": ("verify", "consensus"), "optimize": ("optimize", "blind"), "route": ()}


def identity_of(recipe: Recipe, stages: Iterable[str] | None = None) -> dict[str, Any]:
    """Models, sampling, options and templates of the stages, as plain data; no address, key, limit or price."""
    wanted = list(Stages.model_fields) if stages is None else list(stages)
    return {
        "format": RECORD_FORMAT,
        "parsing": parsing.VERSION,
        "stages": {stage: _stage(recipe, stage) for stage in wanted if getattr(recipe.stages, stage) is not None},
    }


def prompt_hashes(recipe: Recipe) -> dict[str, str]:
    """The hash of every template that the recipe's stages use."""
    found: dict[str, str] = {}
    for stage in Stages.model_fields:
        if getattr(recipe.stages, stage) is not None:
            found |= _prompts(recipe, stage)
    return found


def prompt_texts(recipe: Recipe) -> dict[str, str]:
    """The text of every template that the recipe's stages use, so that a run can be rebuilt from its own directory."""
    found: dict[str, str] = {}
    for name in prompt_hashes(recipe):
        found |= Prompt(name, recipe.prompts).sources
    return found


def _stage(recipe: Recipe, stage: str) -> dict[str, Any]:
    options = getattr(recipe.stages, stage)
    told: dict[str, Any] = options.model_dump(mode="json", exclude={"model", "models", "blind_model"})
    if isinstance(options, Generate):
        told["models"] = [_model(recipe, name) for name in options.models]
    elif isinstance(options, Role):
        told["model"] = _model(recipe, options.model)
    if stage == "optimize" and told["blind"]:
        told["blind_model"] = _model(recipe, blind_reader(recipe) or "")
    return {**told, "prompts": _prompts(recipe, stage)}


def _model(recipe: Recipe, name: str) -> dict[str, Any]:
    entry = recipe.model(name)
    return {
        "name": entry.label,
        "system": entry.system,
        "sampling": entry.sampling.model_dump(mode="json", exclude_none=True),
        "extra_body": entry.extra_body,
    }


def _prompts(recipe: Recipe, stage: str) -> dict[str, str]:
    return {name: Prompt(name, recipe.prompts).hash for name in _PROMPTS.get(stage, (stage,))}


def differences(old: object, new: object, path: str = "") -> Iterator[str]:
    """What changed between two identities, one place a line."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from differences(old.get(name), new.get(name), f"{path}.{name}" if path else name)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: was {old!r}, is now {new!r}"
