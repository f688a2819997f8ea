"""The body of a chat completion as servers send it, and the completion in it.

What is asked for is ``choices[0].message`` and why it ended. Everything beside them is read as far as it makes sense:
no paid reply is lost for a count or a detail.
"""

from __future__ import annotations

import math
import re

from reasonmed.backends._finish import LENGTH, STOP, TOOL, finish_of
from reasonmed.backends._json import plain_json, whole
from reasonmed.backends._said import one_line
from reasonmed.backends._stream import assemble
from reasonmed.exchange import Completion
from reasonmed.parsing.thinking import split_thinking

_MOST_TOKENS = 10**9
"""A count beyond this is none."""
_DEPTH = 4
_REASONING = ("reasoning_content", "reasoning", "reasoning_details")
_TEXT_FIELDS = ("text", "content", "thinking", "reasoning", "summary", "reasoning_content")


class UnknownFinish(Exception):
    """A reply ended for a reason that is in no table."""


def read_reply(body: bytes) -> dict[str, object] | None:
    """A body as an object: one JSON value, or an event stream put together; None where it is neither."""
    found = plain_json(body)
    if isinstance(found, dict) and not _is_chunk(found):
        return found
    return assemble(body)


def _is_chunk(found: dict[str, object]) -> bool:
    choice = choice_of(found)
    return choice is not None and "message" not in choice and "delta" in choice


def choice_of(reply: dict[str, object]) -> dict[str, object] | None:
    """The first choice of a reply."""
    choices = reply.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else None


def error_beside(reply: dict[str, object], choice: dict[str, object]) -> object:
    """The error that came with a text; None where there is none."""
    for error in (choice.get("error"), reply.get("error")):
        if isinstance(error, dict):
            if any(error.values()):
                return error
        elif error:
            return error
    return None


def completion_of(reply: dict[str, object], choice: dict[str, object], limit: int | None = None) -> Completion | None:
    """A completion from a reply and its first choice; None where that has no message.

    Args:
        reply: the whole object.
        choice: its first choice.
        limit: the token limit that was sent; a reply of unknown end that reaches it was cut.

    Raises:
        UnknownFinish: the reason for its end is in no table.
    """
    message = choice.get("message")
    if not isinstance(message, dict):
        return None
    usage = _object(reply.get("usage"))
    text, reasoning = _texts(message)
    counts = _Counts(usage, _object(reply.get("timings")), any_text=bool(text))
    finish = _finish(choice, limit is not None and counts.written is not None and counts.written >= limit)
    if finish == TOOL:
        text, reasoning, finish = "", "", STOP
    if "</think" in text or "<think" in text:
        split = split_thinking(text)
        reasoning = "\n".join(part for part in (reasoning, split.reasoning) if part)
        text = split.text
        finish = finish if split.closed else LENGTH
    return Completion(
        text=text,
        reasoning=reasoning or None,
        finish_reason=finish,
        prompt_tokens=counts.prompt,
        cached_tokens=counts.cached,
        completion_tokens=counts.written,
        reasoning_tokens=counts.thought,
        queue_seconds=_seconds(usage.get("queue_time")),
        served=served_name(reply.get("model")),
    )


def served_name(model: object) -> str | None:
    """The served model's name; of a path on the server only its last part, which names no host."""
    if not isinstance(model, str):
        return None
    name = re.split(r"[/\\]", model)[-1] if re.match(r"[/~.\\]|[A-Za-z]:\\", model) else model
    return one_line(name, None)[:200] or None


def _finish(choice: dict[str, object], reached_limit: bool) -> str:  # noqa: FBT001 - one caller
    reason = choice.get("finish_reason")
    if reason is None or reason == "":
        return LENGTH if reached_limit else STOP
    found = finish_of(reason)
    if found is None:
        raise UnknownFinish(one_line(str(reason), None)[:80])
    native = finish_of(choice.get("native_finish_reason"))
    return native if found == STOP and native not in (None, TOOL) else found


def _texts(message: dict[str, object]) -> tuple[str, str]:
    """What a message says, and what was thought before, where the server keeps it apart."""
    content = message.get("content")
    thought = ""
    if isinstance(content, list):
        parts = [part if isinstance(part, dict) else {"text": part} for part in content]
        thought = "".join(_text(part) for part in parts if _thinks(part))
        content = "".join(_text(part) for part in parts if not _thinks(part))
    said = _text(content)
    apart = (_text(message.get(name)) for name in _REASONING)
    reasoning = next((text for text in apart if text), thought)
    return whole(said or _text(message.get("refusal"))), whole(reasoning)


def _thinks(part: dict[str, object]) -> bool:
    return "think" in str(part.get("type")) or "reasoning" in str(part.get("type"))


def _text(value: object, depth: int = _DEPTH) -> str:
    """The text in a field that should be one: a text, a list of parts, or an object around it."""
    if isinstance(value, str):
        return value
    if depth and isinstance(value, list):
        return "".join(_text(one, depth - 1) for one in value)
    if depth and isinstance(value, dict):
        return next((text for name in _TEXT_FIELDS if (text := _text(value.get(name), depth - 1))), "")
    return ""


class _Counts:
    """Tokens of a reply, as far as its ``usage`` makes sense."""

    def __init__(self, usage: dict[str, object], timings: dict[str, object], *, any_text: bool) -> None:
        self.prompt = count(usage.get("prompt_tokens", usage.get("input_tokens"))) or None
        written = count(usage.get("completion_tokens", usage.get("output_tokens")))
        self.written = None if written == 0 and any_text else written
        asked, said = _object(usage.get("prompt_tokens_details")), _object(usage.get("completion_tokens_details"))
        self.cached = self._cached(asked.get("cached_tokens", usage.get("prompt_cache_hit_tokens")), timings)
        self.thought = count(said.get("reasoning_tokens"))
        self._count_thought_apart(count(usage.get("total_tokens")))

    def _cached(self, told: object, timings: dict[str, object]) -> int | None:
        """Tokens that the prefix cache had; llama.cpp's timings say so too, or how many were evaluated."""
        found = count(timings.get("cache_n") if told is None else told)
        evaluated = count(timings.get("prompt_n"))
        if found is None and evaluated is not None and self.prompt is not None:
            return max(0, self.prompt - evaluated)
        return found if found is None or self.prompt is None else min(found, self.prompt)

    def _count_thought_apart(self, total: int | None) -> None:
        """Some providers count reasoning tokens apart from those written, which shows in their total."""
        if self.written is not None and self.thought:
            apart = (self.prompt or 0) + self.written + self.thought
            self.written = apart - (self.prompt or 0) if total == apart else self.written


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def count(value: object) -> int | None:
    """A count of tokens: a number or its digits; None where it is negative, infinite or beyond belief."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_TOKENS:
        return None
    return math.ceil(value)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return None
    return float(value)
