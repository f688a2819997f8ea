"""The doctor: one small request to every model of a recipe, before money is spent."""

from __future__ import annotations

import os
import re
import time
from textwrap import shorten
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.structs import replace

from reasonmed import backends
from reasonmed.backends import Resident
from reasonmed.backends._served import Served
from reasonmed.errors import ControlError, ReasonMedError, Unavailable, UnparsableReply
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from reasonmed.parsing.judgment import parse_verdict
from reasonmed.parsing.thinking import split_thinking
from reasonmed.recipe.stages import specs
from reasonmed.screening.refusal import find_refusal

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
_FEW_TOKENS, _SOME_TOKENS = 512, 2000
_TOOL_CALLS = ("tool_calls", "function_call")
_TOOL_MARKS = re.compile(
    r"</?(?:\w+:)?(?:tool|function)_?calls?\b|<\|(?:call|python_tag|tool_)|<\uff5ctool|\[TOOL_CALLS\]|\bto=functions\."
)
"""How tool calls look that a server did not read, in the text."""
_QUIETER = ", or let it think less (`extra_body`, such as chat_template_kwargs: {enable_thinking: false})"


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
        settings.ready()
        backend = backends.connect(settings, 1)
        request = _request(settings, _tokens(recipe, name))
        if isinstance(backend, Resident):
            await backend.open()
        started = time.perf_counter()
        reply = _seen(await backend.complete(request), settings)
        took = time.perf_counter() - started
        _check(reply, request.sampling.max_tokens, settings)
        findings += _started(backend)
        findings.append(Finding("ok", f"answers as {settings.label} in {took:.1f} s"))
        findings += _reply(reply)
        findings += await _facts(recipe, name, backend)
    except UnparsableReply as none:
        return Examination(name, [*findings, Finding("no", f"{settings.label} {none.problem}")], none)
    except ControlError as wrong:
        return Examination(name, [*findings, Finding("no", str(wrong))], wrong)
    except ReasonMedError as wrong:
        error = wrong if not wrong.retryable else Unavailable(str(wrong))
        return Examination(name, [*findings, Finding("no", str(wrong))], error)
    finally:
        if backend is not None:
            await backend.aclose()
    return Examination(name, findings)


def _started(backend: Backend) -> list[Finding]:
    if not isinstance(backend, Served):
        return []
    return [Finding("ok", f"starts in {backend.server.seconds:.0f} s: {backend.server.shown}")]


def _key(settings: ModelSettings) -> list[Finding]:
    variable = getattr(settings, "api_key_env", None)
    if variable is None:
        return []
    if os.environ.get(variable, "").strip():
        return [Finding("ok", f"the key is in {variable}")]
    return [Finding("no", f"{variable} is not set: export it, the key does not go into the recipe")]


def _tokens(recipe: Recipe, name: str) -> int:
    """The tokens that a verdict of this model may have: as in the stages, little for a demonstration."""
    if recipe.model(name).demo:
        return _FEW_TOKENS
    limits = dict(_token_limits(recipe, name))
    judging = [limits[spec.name] for spec in specs() if spec.name in limits and spec.roles[0].schema is not None]
    return min(judging or list(limits.values()) or [_SOME_TOKENS])


def _request(settings: ModelSettings, max_tokens: int) -> Request:
    return Request(
        model=settings.identity,
        messages=(Message("user", _ASKED),),
        sampling=SamplingParameters(temperature=0.0, max_tokens=max_tokens),
        response_schema=_SCHEMA,
        extra_body=settings.extra_body,
        stage="verify",
        question_id="doctor",
    )


def _seen(completion: Completion, settings: ModelSettings) -> Completion:
    """The reply as stages will see it: thinking apart from text, and cut where the thinking has no end."""
    text = settings.tags.read(completion.text) if settings.tags else completion.text
    split = split_thinking(text)
    return replace(
        completion,
        text=split.text,
        reasoning="\n".join(part for part in (completion.reasoning, split.reasoning) if part) or None,
        finish_reason=completion.finish_reason if split.closed else "length",
    )


def _check(reply: Completion, max_tokens: int, settings: ModelSettings) -> None:
    """Raise where a reply is none: stopped, a tool call, cut, empty or a refusal."""
    thought = len((reply.reasoning or "").split())
    if reply.finish_reason == "content_filter":
        raise UnparsableReply("gives no answer: a content filter stopped it", "filtered")
    if reply.finish_reason in _TOOL_CALLS or _TOOL_MARKS.search(reply.text):
        raise UnparsableReply("calls a tool instead of answering: turn tools off at the server", "tool call")
    if reply.cut and not settings.demo:
        of = f"{thought} words of thinking and " if thought else ""
        raise UnparsableReply(
            f"was cut before its answer ended (max_tokens {max_tokens:,}), after {of}{len(reply.text.split())} words "
            f"of text: give its stages more max_tokens{_QUIETER if thought else ''}",
            "cut",
        )
    if not reply.text.strip() and thought:
        raise UnparsableReply(f"only thinks: {thought} words of thinking, and no text as an answer{_QUIETER}", "empty")
    if not reply.text.strip():
        raise UnparsableReply(
            f"replies without text (null or empty content, finish_reason {reply.finish_reason}): see the server's log, "
            "chat template and tool settings",
            "empty",
        )
    if find_refusal(reply.text):
        raise UnparsableReply(f"refuses a harmless question: {shorten(reply.text, 200)!r}", "refused")


def _reply(reply: Completion) -> list[Finding]:
    findings = []
    if reply.reasoning:
        findings.append(Finding("ok", f"thinks apart from its text ({len(reply.reasoning.split())} words)"))
    if reply.cut:
        findings.append(Finding("note", f"was cut at {_FEW_TOKENS} tokens; give judges and scorers enough max_tokens"))
    try:
        outcome, _ = parse_verdict(reply.text)
        if outcome != "correct":
            findings.append(Finding("note", "calls 2 + 2 = 4 an error: it will not do as a judge"))
    except UnparsableReply as unread:
        findings.append(Finding("note", f"writes no verdict that can be read: {unread.problem}"))
    if reply.prompt_tokens is None:
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
        findings.append(Finding("note", f"refuses {', '.join(others)}; omitted from every request"))
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
