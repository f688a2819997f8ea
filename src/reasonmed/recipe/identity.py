"""The part of a recipe that can change a record: equal identity and questions, equal records for equal replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed import parsing
from reasonmed.recipe.checks import blind_reader
from reasonmed.recipe.options import Generate, Recipe, Role, Stages, Verify
from reasonmed.recipe.templates import Prompt
from reasonmed.screening.secrets import conceal_shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel

RECORD_FORMAT = 2
"""Raised when the pipeline itself comes to make other records from the same replies."""

_PROMPTS = {"verify": ("verify", "consensus"), "optimize": ("optimize", "blind"), "route": ()}


_NAMES = ("blind_model", "second_judge")
"""Options that name a model entry; what can change a record is the model."""
_LONGEST = 300
_CHECKS = ("canaries", "shuffle")


def identity_of(recipe: Recipe, stages: Iterable[str] | None = None) -> dict[str, Any]:
    """Models, sampling, options and templates of the stages, as plain data; no address, key, limit or price."""
    wanted = list(Stages.model_fields) if stages is None else list(stages)
    return {
        **identity_without_stages(),
        "stages": {stage: _stage(recipe, stage) for stage in wanted if getattr(recipe.stages, stage) is not None},
        **({"refusals": list(recipe.refusals)} if recipe.refusals else {}),
    }


def identity_without_stages() -> dict[str, Any]:
    """The identity of what uses no stage of a recipe: the versions of what reads replies."""
    return {"format": RECORD_FORMAT, "parsing": parsing.VERSION, "stages": {}}


def judge_identity(recipe: Recipe) -> dict[str, Any]:
    """Who the judge is: model, sampling and the hash of its prompt; empty where the recipe has none."""
    options = recipe.stages.verify
    if options is None:
        return {}
    return {
        "model": _model(recipe, options.model),
        "temperature": options.temperature,
        "top_p": options.top_p,
        "prompt": Prompt("verify", recipe.prompts).hash,
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
    told: dict[str, Any] = options.model_dump(mode="json", exclude={"model", "models", *_NAMES, *_unused(options)})
    if isinstance(options, Generate):
        told["models"] = [_model(recipe, name) for name in options.models]
    elif isinstance(options, Role):
        told["model"] = _model(recipe, options.model)
    if stage == "optimize" and told["blind"]:
        told["blind_model"] = _model(recipe, blind_reader(recipe) or "")
    for name in _NAMES if isinstance(options, Verify) else ():
        if getattr(options, name):
            told[name] = _model(recipe, getattr(options, name))
    return {**told, "prompts": _prompts(recipe, stage)}


def _unused(options: BaseModel) -> set[str]:
    """Options of a judge's checks that are off: an identity from before there were any must stay what it is."""
    if not isinstance(options, Verify):
        return set()
    off = {name for name in _CHECKS if getattr(options, name) == Verify.model_fields[name].default}
    return {*off, "require_judge_card", *(["canary_seed"] if "canaries" in off else [])}


def _model(recipe: Recipe, name: str) -> dict[str, Any]:
    entry = recipe.model(name)
    return {
        "name": entry.label,
        "system": entry.system,
        "sampling": entry.sampling.model_dump(mode="json", exclude_none=True),
        "extra_body": entry.extra_body,
        **entry.reading,
    }


def _prompts(recipe: Recipe, stage: str) -> dict[str, str]:
    names = _PROMPTS.get(stage, (stage,))
    verify = recipe.stages.verify
    if stage == "verify" and verify is not None and verify.blind_model:
        names = (*names, "blind")
    return {name: Prompt(name, recipe.prompts).hash for name in names}


def differences(old: object, new: object, path: str = "") -> Iterator[str]:
    """What changed between two identities, one place a line."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from differences(old.get(name), new.get(name), f"{path}.{name}" if path else name)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif old != new:
        yield f"{path}: was {_clipped(old)}, is now {_clipped(new)}"


def _clipped(value: object) -> str:
    """A value as it is shown: what a stranger's manifest holds may be of any length, and a secret."""
    shown = conceal_shapes(repr(value))
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."
