"""The doctor: one small request to every model of a recipe, before money is spent."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed import backends
from reasonmed.errors import ControlError, ReasonMedError, Unavailable
from reasonmed.types import Completion, Message, Request, SamplingParameters

if TYPE_CHECKING:
    from reasonmed.backends import Backend, ModelSettings
    from reasonmed.recipe.options import Recipe

_SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["Correct", "Error"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
_ASKED = 'Is 2 + 2 = 4? Reply with one JSON object: {"verdict": "Correct"} or {"verdict": "Error"}.'
_PROMPT_TOKENS = 1500
"""A generous guess of a long question's prompt."""


class Finding(NamedTuple):
    """One thing that was looked at: well, not well, or something to think about."""

    mark: Literal["ok", "no", "note"]
    text: str


class Examination(NamedTuple):
    """What was found of one model entry; ``error`` is what ended it."""

    name: str
    findings: list[Finding]
    error: ReasonMedError | None = None


async def examine(recipe: Recipe, name: str) -> Examination:
    """Ask one model of the recipe one small thing."""
    settings = recipe.model(name)
    findings: list[Finding] = []
    backend: Backend | None = None
    try:
        findings += _key(settings)
        backend = backends.find(settings.backend).connect(settings, 1)
        started = time.perf_counter()
        completion = await backend.complete(_request(settings))
        findings.append(Finding("ok", f"answers as {settings.label} in {time.perf_counter() - started:.1f} s"))
        findings += _reply(completion)
        findings += await _facts(recipe, name, backend)
    except ControlError as wrong:
        return Examination(name, [*findings, Finding("no", str(wrong))], wrong)
    except ReasonMedError as wrong:
        error = wrong if not wrong.retryable else Unavailable(str(wrong))
        return Examination(name, [*findings, Finding("no", str(wrong))], error)
    finally:
        if backend is not None:
            await backend.aclose()
    return Examination(name, findings)


def _key(settings: ModelSettings) -> list[Finding]:
    variable = getattr(settings, "api_key_env", None)
    if variable is None:
        return []
    if os.environ.get(variable, "").strip():
        return [Finding("ok", f"the key is in {variable}")]
    return [Finding("no", f"{variable} is not set: export it, the key does not go into the recipe")]


def _request(settings: ModelSettings) -> Request:
    return Request(
        model=settings.identity,
        messages=(Message("user", _ASKED),),
        sampling=SamplingParameters(temperature=0.0, max_tokens=512),
        response_schema=_SCHEMA,
        extra_body=settings.extra_body,
        stage="verify",
        question_id="doctor",
    )


def _reply(completion: Completion) -> list[Finding]:
    findings = []
    if completion.reasoning:
        findings.append(Finding("ok", f"thinks apart from its text ({len(completion.reasoning.split())} words)"))
    if completion.cut:
        findings.append(Finding("note", "was cut at 512 tokens; give judges and scorers enough max_tokens"))
    if completion.prompt_tokens is None:
        findings.append(Finding("note", "reports no token counts; costs cannot be known"))
    return findings


async def _facts(recipe: Recipe, name: str, backend: Backend) -> list[Finding]:
    ask = getattr(backend, "facts", None)
    if ask is None:
        return []
    facts = await ask()
    findings = []
    identity = recipe.model(name).identity
    if facts.served and identity not in facts.served:
        findings.append(Finding("note", f"does not list {identity!r}; it lists {', '.join(facts.served[:5])}"))
    if "response_format" in facts.left_out:
        findings.append(Finding("note", "takes no JSON schema; replies are parsed from free text"))
    else:
        findings.append(Finding("ok", "takes JSON schemas"))
    others = [one for one in facts.left_out if one != "response_format"]
    if others:
        findings.append(Finding("note", f"refuses {', '.join(others)}; left out of every request"))
    findings += _context(recipe, name, facts.context)
    return findings


def _context(recipe: Recipe, name: str, context: int | None) -> list[Finding]:
    """Whether the longest reply that a stage wants fits the model's context beside a long prompt."""
    if context is None:
        return [Finding("note", "does not tell its context length; see that max_tokens and the prompt fit")]
    wanted = dict(_token_limits(recipe, name))
    tight = {stage: limit for stage, limit in wanted.items() if limit + _PROMPT_TOKENS > context}
    if tight:
        told = ", ".join(f"{stage} wants {limit:,}" for stage, limit in tight.items())
        return [
            Finding(
                "note",
                f"has a context of {context:,} tokens; with a prompt of {_PROMPT_TOKENS:,} that is short: {told}",
            )
        ]
    return [Finding("ok", f"has a context of {context:,} tokens, enough for every stage")]


def _token_limits(recipe: Recipe, name: str) -> list[tuple[str, int]]:
    found = []
    for stage, options in recipe.stages:
        models = getattr(options, "models", None) or (getattr(options, "model", None),)
        if name in models:
            found.append((stage, recipe.model(name).sampling.max_tokens or options.max_tokens))
    return found
