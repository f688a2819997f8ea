"""Any endpoint that speaks OpenAI's ``/v1/chat/completions``: OpenAI, vLLM, SGLang, Ollama, llama.cpp, OpenRouter, ...

Specification: https://platform.openai.com/docs/api-reference/chat. What servers do differently (no JSON schema, another
name for the token limit, no temperature) is learned from their first 400 and remembered.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import aiohttp
import msgspec
from pydantic import Field, model_validator

from reasonmed import __version__
from reasonmed.backends import ModelSettings
from reasonmed.backends._errors import error_text, redact, refusal
from reasonmed.errors import CredentialRejected, ReasonMedError, RequestRejected, Unreachable
from reasonmed.parsing.thinking import split_thinking
from reasonmed.types import Completion, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPENAI = "https://api.openai.com/v1"
_ADAPTATIONS = 6
_BAD_REQUEST = 400
_SCHEMA_WORDS = re.compile(r"response_format|json_schema|schema|grammar|guided|structured", re.IGNORECASE)


class EndpointSettings(ModelSettings):
    """What endpoints of OpenAI's shape have in common."""

    api_key_env: str | None = None
    """The environment variable that holds the key; none for an endpoint without keys."""
    timeout: float = Field(1200, gt=0)
    """Seconds that one request may take in all."""
    json_schema: bool = True
    """Whether to send JSON schemas; left out by itself where the endpoint refuses them."""

    @property
    def url(self) -> str:
        """Where completions are asked for."""
        raise NotImplementedError

    @property
    def where(self) -> str:
        """Model and endpoint, for messages."""
        return f"{self.identity} at {self.url.split('?')[0].removesuffix('/chat/completions')}"

    def authorization(self, key: str) -> dict[str, str]:
        """The header that carries the key."""
        return {"Authorization": f"Bearer {key}"}


class Settings(EndpointSettings):
    """A model behind an OpenAI-compatible endpoint."""

    model: str = Field(min_length=1)
    """The model's name as the endpoint knows it."""
    base_url: str = Field(_OPENAI, pattern=r"^https?://")
    """The endpoint up to and without /chat/completions; it usually ends in /v1. OpenAI itself by default, with the
    key in OPENAI_API_KEY."""

    @model_validator(mode="after")
    def _own_key_variable(self) -> Self:
        if self.api_key_env is None and self.base_url == _OPENAI:
            object.__setattr__(self, "api_key_env", "OPENAI_API_KEY")
        return self

    @property
    def identity(self) -> str:
        """The model's name at its provider."""
        return self.model

    @property
    def url(self) -> str:
        """Where completions are asked for."""
        return f"{self.base_url.rstrip('/')}/chat/completions"


class Facts(NamedTuple):
    """What is known of an endpoint: models it serves, context length in tokens, parameters that it does not take."""

    served: tuple[str, ...]
    context: int | None
    left_out: tuple[str, ...]


class _Message(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Reply(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Reply).decode
_encode = msgspec.json.Encoder().encode


def api_key(variable: str | None) -> str | None:
    """The key in an environment variable; None when the recipe names none.

    Raises:
        CredentialRejected: the variable is named and not set.
    """
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise CredentialRejected(f"the environment variable {variable} is not set; it must hold the key")
    return key


class OpenAI:
    """The back end: one pool of connections to one endpoint."""

    def __init__(self, settings: EndpointSettings, connections: int) -> None:
        self.settings = settings
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._left_out: set[str] = set() if settings.json_schema else {"response_format"}
        self._limit_name = "max_tokens"

    async def complete(self, request: Request) -> Completion:
        """Answer a request; leaves out what this endpoint turns out not to take."""
        for _ in range(_ADAPTATIONS):
            body = self.body(request)
            status, headers, raw = await self._post(body)
            if status == 200:  # noqa: PLR2004 - HTTP
                return self._completion(raw)
            text = redact(error_text(raw), self._key())
            if status != _BAD_REQUEST or not self._adapt(body, text):
                raise refusal(status, text, headers, self.settings.where)
        raise RequestRejected(
            f"{self.settings.where} keeps refusing the request's parameters: {text[:300]}", "bad_request"
        )

    def body(self, request: Request) -> dict[str, Any]:
        """The request as this endpoint takes it."""
        drawn = request.sampling
        body: dict[str, Any] = {"model": self.settings.identity, "messages": request.messages}
        body[self._limit_name] = drawn.max_tokens
        for name in ("temperature", "top_p", "seed"):
            value = getattr(drawn, name)
            if value is not None and name not in self._left_out:
                body[name] = value
        if drawn.stop and "stop" not in self._left_out:
            body["stop"] = drawn.stop
        if request.response_schema is not None and "response_format" not in self._left_out:
            schema = {"name": request.stage or "reply", "schema": request.response_schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body | (request.extra_body or {})

    def _adapt(self, body: Mapping[str, Any], text: str) -> bool:
        """Learn from a 400 what this endpoint does not take; False when nothing is left to change."""
        if "max_tokens" in body and "max_completion_tokens" in text:
            self._limit_name = "max_completion_tokens"
            return True
        if "response_format" in body and _SCHEMA_WORDS.search(text):
            self._left_out.add("response_format")
            return True
        for name in ("temperature", "top_p", "seed", "stop"):
            if name in body and re.search(rf"\b{name}\b", text):
                self._left_out.add(name)
                return True
        return False

    async def _post(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        session = self._open()
        try:
            async with session.post(self.settings.url, data=_encode(body)) as response:
                return response.status, response.headers, await response.read()
        except TimeoutError as late:
            raise Unreachable(f"{self.settings.where} did not answer within {self.settings.timeout:g} s") from late
        except (aiohttp.ClientError, OSError) as broken:
            reason = redact(str(broken) or type(broken).__name__, self._key())
            raise Unreachable(f"{self.settings.where}: {reason}") from None

    def _completion(self, raw: bytes) -> Completion:
        try:
            reply = _decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as torn:
            raise Unreachable(f"{self.settings.where} sent a body that is no completion: {torn}") from None
        if not reply.choices:
            text = redact(error_text(raw), self._key())
            code = reply.error.get("code") if isinstance(reply.error, dict) else None
            raise refusal(code if isinstance(code, int) else 500, text, {}, self.settings.where)
        choice, usage = reply.choices[0], reply.usage or _Usage()
        reasoning, text, finish = _parts(choice)
        details, thought = usage.prompt_tokens_details, usage.completion_tokens_details
        return Completion(
            text=text,
            reasoning=reasoning,
            finish_reason=finish,
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=details.cached_tokens if details else None,
            completion_tokens=usage.completion_tokens,
            reasoning_tokens=thought.reasoning_tokens if thought else None,
        )

    def _key(self) -> str | None:
        return os.environ.get(self.settings.api_key_env) if self.settings.api_key_env else None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            key = api_key(self.settings.api_key_env)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ttl_dns_cache=300),
                timeout=aiohttp.ClientTimeout(total=self.settings.timeout, sock_connect=30),
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": f"reasonmed/{__version__}",
                    **(self.settings.authorization(key) if key else {}),
                },
            )
        return self._session

    async def facts(self) -> Facts:
        """What the endpoint says about itself, and what it was found not to take."""
        listed = await self.get("models")
        entries = listed.get("data") if isinstance(listed, dict) else None
        models = [entry for entry in entries or () if isinstance(entry, dict)]
        names = tuple(str(entry.get("id")) for entry in models)
        own = next(
            (entry for entry in models if entry.get("id") == self.settings.identity), models[0] if models else {}
        )
        meta = own.get("meta")
        context = own.get("max_model_len") or own.get("context_length") or (meta or {}).get("n_ctx")
        return Facts(names, context if isinstance(context, int) else None, tuple(sorted(self._left_out)))

    async def get(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON the endpoint has there
        """The JSON at a path beside the completions, such as ``models``; None where there is none."""
        base = self.settings.url.rsplit("/chat/completions", 1)[0]
        try:
            async with self._open().get(f"{base}/{path}") as response:
                return msgspec.json.decode(await response.read()) if response.ok else None
        except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError):
            return None

    async def aclose(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)
            self._session = None


def _parts(choice: _Choice) -> tuple[str | None, str, str]:
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


def connect(settings: ModelSettings, connections: int) -> OpenAI:
    """A back end on the endpoint that the settings name."""
    if not isinstance(settings, EndpointSettings):
        raise ReasonMedError(f"backend openai got the settings of backend {settings.backend}")
    return OpenAI(settings, connections)
