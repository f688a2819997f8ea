"""Anthropic's Messages API, ``/v1/messages``, and servers that speak it.

Specification: https://platform.claude.com/docs/en/api/messages. Thinking is asked for in ``extra_body`` (``thinking:
{type: adaptive}``, or ``enabled`` with ``budget_tokens``), since it changes the reply; how much a model spends on a
reply is ``output_config: {effort: ..}``.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from msgspec.structs import replace
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from reasonmed.backends._endpoint import EndpointSettings, Url
from reasonmed.backends._errors import refusal, rejection_kind
from reasonmed.backends._json import plain_json
from reasonmed.backends._said import Said, read_error
from reasonmed.backends._waits import asked_wait
from reasonmed.backends._wire import count, served_name
from reasonmed.backends.openai import Answer, OpenAI
from reasonmed.errors import (
    CredentialRejected,
    ModelNotServed,
    Overloaded,
    ReasonMedError,
    RequestRejected,
    Unreachable,
)
from reasonmed.exchange import Completion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.backends import ModelSettings
    from reasonmed.backends._dialect import Once
    from reasonmed.backends._prices import Price
    from reasonmed.exchange import Message, Request

_PATH = "/messages"
_BAD_REQUEST = 400
_OWN_FAULT = frozenset({400, 413, 422})
_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",
    "refusal": "content_filter",
    "tool_use": "tool_calls",
}
_UNSUPPORTED = frozenset({
    "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength",
})  # fmt: skip
"""Bounds that the API refuses in a schema; parsers check them."""
_NO_SCHEMA = re.compile(r"output_config|output_format|structured output|json_schema|schema", re.IGNORECASE)
_ACCOUNT = re.compile(r"credit balance|billing|usage limits?\b|organization (?:has been|is) disabled", re.IGNORECASE)
_CONTEXT = re.compile(r"context (?:limit|window)|prompt is too long|too many (?:input )?tokens", re.IGNORECASE)
_CACHED = {"type": "ephemeral"}
_CACHE_WRITE, _CACHE_READ = 1.25, 0.1
"""What the provider charges for input that goes to its cache or comes from it, as a share of the price of input."""


def _ends_before_path(value: str) -> str:
    if value.rstrip("/").endswith(_PATH):
        raise ValueError("must end before /v1/messages, which is added to it")
    return value


class Settings(EndpointSettings):
    """A model behind the Messages API."""

    own_fields: ClassVar[frozenset[str]] = EndpointSettings.own_fields | {"system", "stop_sequences", "stream"}
    most_temperature: ClassVar[float] = 1.0

    model: str = Field(min_length=1)
    """The model's name as the API knows it."""
    base_url: Annotated[Url, AfterValidator(_ends_before_path)] = "https://api.anthropic.com"
    """The address up to and without /v1/messages."""
    api_key_env: str | None = "ANTHROPIC_API_KEY"
    anthropic_version: Annotated[
        str, BeforeValidator(lambda value: value.isoformat() if isinstance(value, date) else value)
    ] = "2023-06-01"
    """The version of the API, a header."""
    prompt_caching: bool = False
    """Whether prompts are marked for the provider's cache: cheaper where many requests begin with the same long text,
    dearer where not. It changes no reply."""

    @model_validator(mode="after")
    def _no_seed(self) -> Self:
        if self.sampling.seed is not None:
            raise ValueError("sampling.seed: the Messages API takes none; use samples to draw several replies")
        return self

    @property
    def identity(self) -> str:
        """The model's name at its provider."""
        return self.model

    def thinking_effort(self, level: str) -> dict[str, object] | None:
        """The field of the Messages API for it."""
        return {"output_config": {"effort": level}}

    @property
    def url(self) -> str:
        """Where messages are asked for."""
        return f"{self.base_url.rstrip('/').removesuffix('/v1')}/v1{_PATH}"

    @property
    def base(self) -> str:
        """The endpoint without the path of messages."""
        return self.url.removesuffix(_PATH)

    @property
    def headers(self) -> dict[str, str]:
        """The API's version."""
        return {"anthropic-version": self.anthropic_version}

    def authorization(self, key: str) -> dict[str, str]:
        """The header that carries the key."""
        return {"x-api-key": key}

    @property
    def priced(self) -> Price | None:
        """The price of tokens, with the provider's shares for its cache where it names none."""
        price = super().priced
        if price is None:
            return None
        cached = price.input * _CACHE_READ if price.cached_input is None else price.cached_input
        written = price.input * _CACHE_WRITE if price.cache_write is None else price.cache_write
        return price.model_copy(
            update={"cached_input": cached, "cache_write": written if self.prompt_caching else price.input}
        )


class Anthropic(OpenAI):
    """The back end: OpenAI's connections, with the bodies of the Messages API."""

    settings: Settings

    def read(
        self,
        request: Request,
        answer: Answer,
        body: dict[str, object],
        once: Once,  # noqa: ARG002 - the shape of the one above
    ) -> Completion | ReasonMedError:
        """The message in an answer to a body, or the error after which the next body goes without something."""
        decoded = plain_json(answer.body)
        found = decoded if isinstance(decoded, dict) else {}
        if found.get("type") == "message":
            return replace(self._message(found), sent=self.sent(request, body))
        said = read_error(answer.body, self.key(), "\n".join(message.content for message in request.messages))
        if answer.status == _BAD_REQUEST and self._learn(body, said.text):
            return RequestRejected(
                f"{self.settings.where} keeps refusing the request's parameters: {said.text[:300]}", "bad_request"
            )
        raise self._refusal(answer.status, _type_of(found), said, answer.headers)

    def body(self, request: Request, once: Once | None = None) -> dict[str, object]:  # noqa: ARG002 - the same
        """The request as the API takes it: the system message apart, the schema as an output format."""
        drawn, more = request.sampling, dict(request.extra_body or {})
        system = "\n\n".join(message.content for message in request.messages if message.role == "system")
        turns = [message for message in request.messages if message.role != "system"]
        body: dict[str, object] = {
            "model": self.settings.identity,
            "max_tokens": drawn.max_tokens,
            "messages": [self._turn(turn, first=turn is turns[0]) for turn in turns],
        }
        if system:
            body["system"] = self._cached(system) if self.settings.prompt_caching else system
        for name in () if _thinks(more) else ("temperature", "top_p"):
            value = getattr(drawn, name)
            if value is not None and name not in self._dialect.left_out:
                body[name] = value
        if drawn.stop:
            body["stop_sequences"] = drawn.stop
        if request.response_schema is not None and "response_format" not in self._dialect.left_out:
            form = {"type": "json_schema", "schema": _simpler(request.response_schema)}
            more["output_config"] = {"format": form, **more.get("output_config", {})}
        return body | more

    def sent(self, request: Request, body: Mapping[str, object]) -> dict[str, object] | None:
        """The sampling parameters of a body; None where they are those that the request asks for."""
        told = {name: body[name] for name in ("max_tokens", "temperature", "top_p") if name in body}
        stop = {"stop": body["stop_sequences"]} if "stop_sequences" in body else {}
        form = {"response_format": True} if _has_form(body) else {}
        return self._dialect.sent(request, told | stop | form)

    def _turn(self, message: Message, *, first: bool) -> dict[str, object]:
        """A turn; the first one is what the chains, verdicts and re-asks of a question share."""
        marked = first and self.settings.prompt_caching
        return {"role": message.role, "content": self._cached(message.content) if marked else message.content}

    def _cached(self, text: str) -> list[dict[str, object]]:
        return [{"type": "text", "text": text, "cache_control": _CACHED}]

    def _learn(self, body: Mapping[str, object], text: str) -> bool:
        """Learn from a 400 what this model does not take; False when nothing is left to change."""
        if _has_form(body) and _NO_SCHEMA.search(text):
            self._dialect.left_out.add("response_format")
            return True
        named = [name for name in ("top_p", "temperature") if name in body and _names(name, text)]
        self._dialect.left_out.update(named[:1])
        return bool(named)

    def _message(self, found: Mapping[str, object]) -> Completion:
        reason = found.get("stop_reason")
        if reason not in _FINISHES:
            raise Unreachable(
                f"{self.settings.where} ended a reply with the stop_reason {str(reason)[:60]!r}", "server"
            )
        content = found.get("content")
        blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        usage = found.get("usage")
        return _counted(
            Completion(
                text="".join(_texts(blocks, "text")),
                reasoning="\n".join(_texts(blocks, "thinking")) or None,
                finish_reason=_FINISHES[str(reason)],
                served=served_name(found.get("model")),
            ),
            usage if isinstance(usage, dict) else {},
        )

    def _refusal(self, status: int, kind: str, answer: Said, headers: Mapping[str, str]) -> ReasonMedError:
        """The error that a type of the API's stands for; by its status where the body is none of the API's."""
        said = f"{self.settings.where} answered {status}: {answer.text[:600]}"
        if kind == "billing_error" or (
            kind in ("invalid_request_error", "permission_error") and _ACCOUNT.search(answer.text)
        ):
            return CredentialRejected(f"{said}. The account has no credit left, or is at its limit.")
        if kind in ("authentication_error", "permission_error"):
            return CredentialRejected(f"{said}. Check the key in {self.settings.api_key_env or 'api_key_env'}.")
        if kind == "not_found_error":
            return ModelNotServed(f"{said}. Check `model` and `base_url`.")
        if kind == "request_too_large":
            return RequestRejected(said, "context", status)
        if kind == "invalid_request_error" and status in _OWN_FAULT:
            return RequestRejected(said, "context" if _CONTEXT.search(answer.text) else rejection_kind(answer), status)
        return self._fault(status, kind, answer, headers)

    def _fault(self, status: int, kind: str, answer: Said, headers: Mapping[str, str]) -> ReasonMedError:
        """The error of a fault that is the service's."""
        said = f"{self.settings.where} answered {status}: {answer.text[:600]}"
        if kind in ("rate_limit_error", "overloaded_error"):
            return Overloaded(said, asked_wait(headers, answer))
        if kind in ("api_error", "timeout_error"):
            return Unreachable(said, "timeout" if kind == "timeout_error" else "server")
        return refusal(status if status >= _BAD_REQUEST else 500, answer, headers, self.settings.where)


def _type_of(found: Mapping[str, object]) -> str:
    error = found.get("error")
    return str(error.get("type")) if isinstance(error, dict) else ""


def _has_form(body: Mapping[str, object]) -> bool:
    """Whether a body asks for a form of the reply."""
    asked = body.get("output_config")
    return isinstance(asked, dict) and "format" in asked


def _thinks(extra: Mapping[str, object]) -> bool:
    """Whether thinking is asked for, which excludes temperature and top_p."""
    asked = extra.get("thinking")
    return isinstance(asked, dict) and asked.get("type") != "disabled"


def _names(parameter: str, text: str) -> bool:
    """Whether a refusal is about a parameter: it begins with the name, or quotes it."""
    return re.search(rf"\A{parameter}\b|[`'\"]{parameter}[`'\"]", text) is not None


def _simpler(schema: object) -> object:
    """A schema without the bounds that the API does not take."""
    if isinstance(schema, list):
        return [_simpler(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _simpler(value) for name, value in schema.items() if name not in _UNSUPPORTED}


def _texts(blocks: list[dict[str, object]], kind: str) -> list[str]:
    """The texts of the blocks of a kind; half of a surrogate pair becomes a question mark."""
    found = [block.get(kind) for block in blocks if block.get("type") == kind]
    return [text.encode("utf-8", "replace").decode() for text in found if isinstance(text, str)]


def _counted(reply: Completion, usage: Mapping[str, object]) -> Completion:
    """A reply with its tokens: input is what was fresh, written to the cache and read from it; output has thinking."""
    fresh, read = count(usage.get("input_tokens")), count(usage.get("cache_read_input_tokens"))
    written = count(usage.get("cache_creation_input_tokens"))
    details = usage.get("output_tokens_details")
    thought = count(details.get("thinking_tokens")) if isinstance(details, dict) else None
    return replace(
        reply,
        prompt_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        cached_tokens=read,
        cache_write_tokens=written,
        completion_tokens=count(usage.get("output_tokens")),
        reasoning_tokens=thought,
    )


def connect(settings: ModelSettings, connections: int) -> Anthropic:
    """A back end on the model that the settings name."""
    if not isinstance(settings, Settings):
        raise ReasonMedError(f"backend anthropic got the settings of backend {settings.backend}")
    return Anthropic(settings, connections)
