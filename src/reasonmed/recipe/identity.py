"""The part of a recipe that can change a record: equal identity and questions, equal records for equal replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed import parsing
from reasonmed.recipe.options import Rank, Refine, Route, Score, Verify
from reasonmed.recipe.stages import the_spec
from reasonmed.recipe.templates import Prompt
from reasonmed.screening.secrets import conceal_shapes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import BaseModel

    from reasonmed.backends import ModelSettings
    from reasonmed.recipe.options import Recipe, Role
    from reasonmed.recipe.stages import RoleSpec

RECORD_FORMAT = 2
"""Raised when the pipeline itself comes to make other records from the same replies."""

_LONGEST = 300
_CHECKS = ("canaries", "shuffle", "steps")


def identity_of(recipe: Recipe, stages: Iterable[str] | None = None) -> dict[str, object]:
    """Models, sampling, options and templates of the stages, as plain data; no address, key, limit or price."""
    wanted = recipe.stages.names if stages is None else tuple(stages)
    return {
        **identity_without_stages(),
        "stages": {stage: _stage(recipe, stage) for stage in wanted if getattr(recipe.stages, stage) is not None},
        **({"refusals": list(recipe.refusals)} if recipe.refusals else {}),
    }


def identity_without_stages() -> dict[str, object]:
    """The identity of what uses no stage of a recipe: the versions of what reads replies."""
    return {"format": RECORD_FORMAT, "parsing": parsing.VERSION, "stages": {}}


def judge_identity(recipe: Recipe) -> dict[str, object]:
    """Who the judge is: model, sampling and the hash of its prompt; empty where the recipe has none."""
    options = recipe.stages.verify
    if options is None:
        return {}
    prompt = Prompt("verify_steps" if options.steps is True else "verify", recipe.prompts)
    return judge_identity_of(recipe.model(options.model), options, prompt)


def judge_identity_of(entry: ModelSettings, options: Role, prompt: Prompt) -> dict[str, object]:
    """Who a judge is that no recipe names."""
    sampling = {"temperature": options.temperature, "top_p": options.top_p}
    return {"model": model_identity(entry), **sampling, "prompt": prompt.hash}


def prompt_hashes(recipe: Recipe) -> dict[str, str]:
    """The hash of every template that the recipe's stages use."""
    found: dict[str, str] = {}
    for stage in recipe.stages.names:
        if getattr(recipe.stages, stage) is not None:
            found |= _prompts(recipe, stage)
    return found


def prompt_texts(recipe: Recipe) -> dict[str, str]:
    """The text of every template that the recipe's stages use, so that a run can be rebuilt from its own directory."""
    found: dict[str, str] = {}
    for name in prompt_hashes(recipe):
        found |= Prompt(name, recipe.prompts).sources
    return found


def _stage(recipe: Recipe, stage: str) -> dict[str, object]:
    """Options that name a model entry are the model there: that is what can change a record."""
    options, spec = getattr(recipe.stages, stage), the_spec(stage)
    naming = {role.option for role in spec.roles}
    told: dict[str, object] = options.model_dump(mode="json", exclude={*naming, *_unused(options)})
    for role in spec.roles:
        named = _named(recipe, role, options)
        if isinstance(named, tuple):
            told[role.option] = [model_identity(recipe.model(name)) for name in named]
        elif named is not None:
            told[role.option] = model_identity(recipe.model(named))
    if spec.plugin is not None:
        told["plugin"] = spec.plugin.told
    return {**told, "prompts": _prompts(recipe, stage)}


def _named(recipe: Recipe, role: RoleSpec, options: BaseModel) -> tuple[str, ...] | str | None:
    """The model entry of a role, or those of all generators; None where there is none."""
    if not role.wanted(options):
        return None
    named: tuple[str, ...] | str | None = getattr(options, role.option)
    return role.model(recipe) if named is None and role.model is not None else named


def _unused(options: BaseModel) -> set[str]:
    """Options that are off and came later: an identity from before there were any must stay what it is."""
    if isinstance(options, Rank):
        return set() if options.stop_when_decided else {"stop_when_decided"}
    if isinstance(options, Score):
        return {"originals"}
    if isinstance(options, Route):
        return set() if options.way != "by_errors" else {"way"}
    fields = type(options).model_fields if isinstance(options, Verify | Refine) else {}
    off = {name for name in _CHECKS if name in fields and getattr(options, name) == fields[name].default}
    return {*off, *fields.keys() & {"require_judge_card"}, *(["canary_seed"] if "canaries" in off else [])}


def model_identity(entry: ModelSettings) -> dict[str, object]:
    """What of a model can change a reply."""
    return {
        "name": entry.label,
        "system": entry.system,
        "sampling": entry.sampling.model_dump(mode="json", exclude_none=True),
        "extra_body": entry.extra_body,
        **entry.reading,
    }


def _prompts(recipe: Recipe, stage: str) -> dict[str, str]:
    """The hashes of the templates of a stage's roles: of those that have a model, or would have one by themselves."""
    options = getattr(recipe.stages, stage)
    spoken = (role for role in the_spec(stage).roles if role.model is not None or role.wanted(options))
    roles = [role for role in spoken if role.model is not None or getattr(options, role.option)]
    return {role.prompt: Prompt(role.prompt, recipe.prompts).hash for role in roles}


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
