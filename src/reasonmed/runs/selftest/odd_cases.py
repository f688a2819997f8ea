"""Odd servers: what public servers were seen to do, one case each, and what a run must make of it.

The stand-in's words are made up; status, shape, codes and headers are as reported of the servers named.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.runs.selftest.odd_ends import (
    ASIDE,
    EVERY,
    SAME,
    Ends,
    fails,
    stops,
    without_sent,
    without_text,
)
from reasonmed.runs.selftest.odd_server import Asked, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from reasonmed.runs.selftest.odd_server import Oddity

_SHORT = 2.0
"""The recipe's ``give_up``, in seconds, where a server never recovers."""
_ENOUGH = 512
"""Tokens that the made-up world's longest text has room in."""
_BOMB = 64_000_000
_PAGE = b"<!doctype html><html><head><title>Sign in</title></head><body>Please sign in to the network.</body></html>"
_HTML = {"Content-Type": "text/html"}


class Case(NamedTuple):
    """An oddity, where it was seen, and how a run ends that meets it."""

    name: str
    seen: str
    odd: Oddity | None
    """What the server does; None where nothing listens."""
    ends: Ends
    give_up: float | None = None
    """Seconds in the place of the recipe's ``limits.give_up``, where only that ends the run."""

    @property
    def place(self) -> str:
        """The name as a part of an address."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower())


def always(reply: Reply | Callable[[Asked], Reply]) -> Oddity:
    """The same at every request."""
    return lambda asked: reply if isinstance(reply, Reply) else reply(asked)


def first(count: int, reply: Reply | Callable[[Asked], Reply]) -> Oddity:
    """At the first requests of each model."""
    return lambda asked: always(reply)(asked) if asked.number <= count else None


def after(count: int, reply: Reply) -> Oddity:
    """At all but the first requests of each model."""
    return lambda asked: reply if asked.number > count else None


def of_one(reply: Reply | Callable[[Asked], Reply]) -> Oddity:
    """At the requests about one question."""
    return lambda asked: always(reply)(asked) if asked.marked else None


def error(status: int, message: str, headers: dict[str, str] | None = None, **fields: object) -> Reply:
    """An error of OpenAI's shape."""
    return Reply(status, {"error": {"message": message, **fields}}, headers or {})


def _waits(header: str, value: Callable[[], str]) -> Callable[[Asked], Reply]:
    return lambda _: error(429, "Slow down a little.", {header: value()}, code="rate_limit_exceeded")


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=1)


def _nothing_left(asked: Asked) -> Reply:
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": f"{time.time() + 1:.3f}"}
    return Reply(200, asked.completion(), headers)


def _in_turn(*statuses: int) -> Callable[[Asked], Reply]:
    return lambda asked: error(statuses[asked.number % len(statuses)], "The upstream model is not available.")


def _elsewhere(asked: Asked) -> Reply:
    return Reply(307, b"", {"Location": asked.elsewhere})


def _streamed(asked: Asked) -> Reply:
    half = len(asked.text) // 2
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": asked.text[:half]}, {"content": asked.text[half:]}]
    ends = (None, None, "stop")
    choices = [
        {"index": 0, "delta": delta, "finish_reason": end} for delta, end in zip((*deltas, {}), ends, strict=True)
    ]
    model = {"model": asked.body["model"]}
    events = [f"data: {json.dumps({**model, 'choices': [choice]})}\n\n" for choice in choices]
    return Reply(200, "".join([*events, "data: [DONE]\n\n"]).encode(), {"Content-Type": "text/event-stream"})


def _stream_demanded(asked: Asked) -> Reply | None:
    if asked.body.get("stream"):
        return _streamed(asked)
    return error(400, "This model answers as a stream only: set stream=true.", type="invalid_request_error")


def _odd_numbers(asked: Asked) -> Reply:
    usage = {"prompt_tokens": math.nan, "completion_tokens": 10**25, "total_tokens": "many", "details": [None]}
    return Reply(200, b"\xef\xbb\xbf" + json.dumps(asked.completion() | {"usage": usage}).encode())


def _half_a_pair(asked: Asked) -> Reply:
    return Reply(200, json.dumps(asked.completion(f"\ud83d {asked.text}")).encode())


@cache
def _packed_blanks() -> bytes:
    return gzip.compress(b" " * _BOMB)


def _bomb(_: Asked) -> Reply:
    return Reply(200, _packed_blanks(), {"Content-Encoding": "gzip"})


def _half(finish: str, **beside: object) -> Callable[[Asked], Reply]:
    return lambda asked: Reply(200, asked.completion(asked.text[: len(asked.text) // 2], finish) | beside)


def _refuses(name: str, reply: Reply) -> Oddity:
    """At every request that has a field."""
    return lambda asked: reply if name in asked.body else None


def _most_tokens(asked: Asked) -> Reply | None:
    sent = asked.body.get("max_tokens", 0)
    said = f"max_tokens is too large: {sent}. This model supports at most {_ENOUGH} completion tokens."
    return error(400, said, param="max_tokens", code="invalid_value") if sent > _ENOUGH else None


CASES = (
    Case("credit ended, 402", "DeepSeek", always(error(402, "Your balance does not cover this.")), stops(4, "balance")),
    Case(
        "credit ended, as a 400",
        "Anthropic's compatible address",
        always(error(400, "The credit balance of this workspace is too low.", type="invalid_request_error")),
        stops(4, "credit balance"),
    ),
    Case(
        "credit ended, as a 429",
        "OpenAI",
        always(error(429, "You have used what your plan allows.", code="insufficient_quota")),
        stops(4, "insufficient_quota"),
    ),
    Case("credit ends in mid-run", "any", after(6, error(402, "Add credits to continue.")), stops(4, "Add credits")),
    Case(
        "wrong key, as a 400 in a list",
        "Gemini",
        always(Reply(400, [{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}])),
        stops(4, "API key not valid"),
    ),
    Case("every request refused, 400 without a word", "proxies", always(Reply(400)), stops(2, "400")),
    Case(
        "unknown model, 404",
        "vLLM",
        always(error(404, "The model of that name is not found.", type="NotFoundError")),
        stops(2, "not found"),
    ),
    Case(
        "model retired in mid-run",
        "Groq",
        after(6, error(400, "This model has been decommissioned.", code="model_decommissioned")),
        stops(2, "decommissioned"),
    ),
    Case("redirect to another origin, 307", "load balancers", always(_elsewhere), stops(2, "not followed")),
    Case("nothing listens", "a server that is not started", None, stops(5, "Is it running")),
    Case(
        "rate limit a minute whose words name billing",
        "OpenAI, Groq, Gemini",
        first(
            2,
            error(
                429,
                "3 requests per minute are used up. Please try again in 1s. Add a payment method on the billing page.",
                code="rate_limit_exceeded",
            ),
        ),
        SAME,
    ),
    Case(
        "Retry-After as an epoch", "gateways", first(1, _waits("Retry-After", lambda: f"{time.time() + 1:.0f}")), SAME
    ),
    Case("Retry-After as an ISO date", "gateways", first(1, _waits("Retry-After", lambda: _soon().isoformat())), SAME),
    Case("retry-after-ms", "Azure", first(1, _waits("retry-after-ms", lambda: "300")), SAME),
    Case("Retry-After: inf", "proxies", always(_waits("Retry-After", lambda: "inf")), stops(5, "Slow down"), _SHORT),
    Case("nothing remains until an epoch", "OpenRouter", first(1, _nothing_left), SAME),
    Case("429 inside a 200", "OpenRouter", first(2, error(200, "Free requests are used up.", code=429)), SAME),
    Case("model still loads, 503", "llama.cpp", first(3, error(503, "Loading model", type="unavailable_error")), SAME),
    Case(
        "500, 408, 424, 498, 499, 520, then fine",
        "vLLM, TGI, Groq",
        first(6, _in_turn(500, 408, 424, 498, 499, 520)),
        SAME,
    ),
    Case("nothing but 500", "any", always(error(500, "Engine is dead.")), stops(5, "Engine is dead"), _SHORT),
    Case(
        "nothing but web pages, 200", "captive portals", always(Reply(200, _PAGE, _HTML)), stops(5, "Sign in"), _SHORT
    ),
    Case("connections dropped, then fine", "any", first(3, Reply(cut=True)), SAME),
    Case("bodies cut, then fine", "any", first(3, lambda asked: Reply(200, asked.completion(), cut=True)), SAME),
    Case("bodies of 64 MB in 64 kB of gzip", "nobody, yet", first(2, _bomb), SAME),
    Case("half a text, unknown finish_reason", "vLLM, SGLang", first(3, _half("worker_aborted")), SAME),
    Case("201 with a reply", "gateways", always(lambda asked: Reply(201, asked.completion())), SAME),
    Case("an event stream nobody asked for", "proxies", always(_streamed), SAME),
    Case("streams only", "DashScope, Fireworks", _stream_demanded, SAME),
    Case("byte order mark, NaN, 10**25 tokens", "proxies", always(_odd_numbers), SAME),
    Case("half of a surrogate pair", "tokenizers that cut an emoji", always(_half_a_pair), EVERY),
    Case(
        "keep-alive lines before the body",
        "OpenRouter",
        always(lambda asked: Reply(200, asked.completion(), first=(b": keep-alive\n\n", b"\n"))),
        SAME,
    ),
    Case(
        "thinking in the text, closed",
        "DeepSeek-R1, Qwen3",
        always(lambda asked: Reply(200, asked.completion(f"<think>\nLet me see.\n</think>\n\n{asked.text}"))),
        without_text("<think"),
    ),
    Case(
        "one question: thinking without an end",
        "DeepSeek-R1, Qwen3",
        of_one(lambda asked: Reply(200, asked.completion(f"<think>\n{asked.text}"))),
        fails("cut", "truncated"),
    ),
    Case(
        "one question: moderated, 403",
        "OpenRouter",
        of_one(error(403, "The input was flagged by moderation.")),
        fails("flagged by moderation"),
    ),
    Case("one question: a firewall's page, 403", "Cloudflare", of_one(Reply(403, _PAGE, _HTML)), ASIDE),
    Case(
        "one question: too long, 400",
        "vLLM",
        of_one(error(400, "The prompt is longer than the context length of 4096 tokens.")),
        fails("context length"),
    ),
    Case(
        "one question: a 400 that quotes its temperature",
        "Azure",
        of_one(error(400, "Not served: 'her temperature is 38.9, not allowed'", code="content_policy_violation")),
        fails("38.9"),
    ),
    Case(
        "no temperature, 400",
        "OpenAI's o-series, gpt-5",
        _refuses(
            "temperature", error(400, "Unsupported parameter.", param="temperature", code="unsupported_parameter")
        ),
        without_sent("temperature"),
    ),
    Case(
        "no JSON schema, 404",
        "OpenRouter",
        _refuses("response_format", error(404, "No endpoints found that take response_format.", code=404)),
        EVERY,
    ),
    Case("a lower maximum of max_tokens", "OpenAI", _most_tokens, without_sent("nothing")),
    Case(
        "max_completion_tokens instead of max_tokens",
        "OpenAI",
        _refuses(
            "max_tokens", error(400, "Use 'max_completion_tokens'.", param="max_tokens", code="unsupported_parameter")
        ),
        SAME,
    ),
)
