"""The body of a chat completion as servers send it, and the completion in it."""

from __future__ import annotations

from typing import Any

import msgspec

from reasonmed.parsing.thinking import split_thinking
from reasonmed.types import Completion


class _Message(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


class Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    queue_time: float | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class Reply(msgspec.Struct):
    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None


decode = msgspec.json.Decoder(Reply).decode


def completion_of(choice: Choice, usage: Usage) -> Completion:
    """A completion from a reply's first choice and its counts."""
    reasoning, text, finish = _parts(choice)
    details, thought = usage.prompt_tokens_details, usage.completion_tokens_details
    return Completion(
        text=text,
        reasoning=reasoning,
        finish_reason=finish,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=details.cached_tokens if details else None,
        completion_tokens=_written(usage),
        reasoning_tokens=thought.reasoning_tokens if thought else None,
        queue_seconds=usage.queue_time,
    )


def _written(usage: Usage) -> int | None:
    """Tokens written, reasoning among them: some providers count it apart, which shows in their total."""
    thought = usage.completion_tokens_details.reasoning_tokens if usage.completion_tokens_details else None
    if usage.completion_tokens is None or not thought:
        return usage.completion_tokens
    apart = (usage.prompt_tokens or 0) + usage.completion_tokens + thought
    return usage.completion_tokens + thought if usage.total_tokens == apart else usage.completion_tokens


def _parts(choice: Choice) -> tuple[str | None, str, str]:
    """Reasoning, text and finish reason of a choice."""
    message = choice.message
    content = message.content or ""
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    reasoning = message.reasoning_content or message.reasoning
    if not content and message.refusal:
        content = message.refusal
    finish = choice.finish_reason or "stop"
    if "</think" in content or "<think" in content:
        split = split_thinking(content)
        reasoning = "\n".join(part for part in (reasoning, split.reasoning) if part) or None
        content = split.text
        finish = finish if split.closed else "length"
    return reasoning, content, finish
