"""What is asked of a model and what it replies: a request with its identity, and a completion. Plain data, frozen."""

from __future__ import annotations

from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from reasonmed.secrecy import conceal_reply

_encode = msgspec.json.Encoder(order="sorted").encode


class SamplingParameters(Struct, frozen=True, omit_defaults=True):
    """How a reply is drawn. A parameter that is None is not sent."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int = 1024
    seed: int | None = None
    stop: tuple[str, ...] = ()


class Message(Struct, frozen=True):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Request(Struct, frozen=True, dict=True, kw_only=True):
    """One question to one model.

    ``model`` and ``revision`` name the model as its provider does. ``sample`` tells requests apart that are equal
    and wanted several times; ``attempt`` counts re-asks of an unparsable reply. ``stage`` and ``question_id`` say
    what the request is for and change nothing about the reply.
    """

    model: str
    messages: tuple[Message, ...]
    sampling: SamplingParameters = SamplingParameters()
    revision: str | None = None
    response_schema: dict[str, Any] | None = None
    extra_body: dict[str, Any] | None = None
    sample: int = 0
    attempt: int = 0
    stage: str = ""
    question_id: str = ""

    @cached_property
    def key(self) -> bytes:
        """Identity: a hash of everything that can change the reply, and of nothing else.

        ``max_tokens`` stays out: it cuts a reply but does not change its words. The ledger keeps it beside the key.
        """
        drawn = self.sampling
        identity = (
            self.model,
            self.revision,
            self.messages,
            (drawn.temperature, drawn.top_p, drawn.seed, drawn.stop),
            self.response_schema,
            self.extra_body,
            self.sample,
            self.attempt,
        )
        return blake2b(_encode(identity), digest_size=16).digest()

    @property
    def prefix(self) -> str:
        """Equal for requests whose prompts begin alike: the samples of a question, its verdicts; empty if unknown."""
        return f"{self.stage} {self.question_id}" if self.question_id else ""


class Completion(Struct, frozen=True, omit_defaults=True):
    """A model's reply. ``text`` is what it says, ``reasoning`` what it thought before, where that came apart.

    ``finish_reason`` is ``stop``, ``length`` (cut at the token limit) or ``content_filter``. Token counts are None
    where the endpoint gave none; ``completion_tokens`` has the reasoning tokens in it. ``queue_seconds`` is the time in
    the server's own queue, where it tells. ``served`` is the model's name as the endpoint gave it; ``sent`` has the
    sampling parameters that it was sent, where they are not those of the request. ``cached_tokens`` and
    ``cache_write_tokens`` are among the prompt's: read from the provider's cache, and written to it.
    """

    text: str
    reasoning: str | None = None
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    queue_seconds: float | None = None
    served: str | None = None
    sent: dict[str, Any] | None = None
    cache_write_tokens: int | None = None

    @property
    def cut(self) -> bool:
        """Whether the token limit ended the reply."""
        return self.finish_reason == "length"


def without_keys(completion: Completion) -> Completion:
    """A reply in which no key stands that this process read: servers may echo what they were sent."""
    told = {"text": completion.text, "reasoning": completion.reasoning, "served": completion.served}
    changed = {name: shown for name, text in told.items() if text and (shown := conceal_reply(text)) != text}
    return replace(completion, **changed) if changed else completion
