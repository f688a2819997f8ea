"""Any endpoint that speaks OpenAI's ``/v1/chat/completions``: OpenAI, vLLM, SGLang, Ollama, llama.cpp, OpenRouter, ...

Specification: https://platform.openai.com/docs/api-reference/chat. What servers do differently (no JSON schema, another
name for the token limit, no temperature) is learned from their first 400 and remembered.
"""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self

import aiohttp
import msgspec
from pydantic import Field, model_validator
from yarl import URL

from reasonmed import __version__
from reasonmed.backends import ModelSettings
from reasonmed.backends._errors import error_text, redact, refusal
from reasonmed.backends._wire import Usage, completion_of, decode
from reasonmed.errors import CredentialRejected, ReasonMedError, RequestRejected, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reasonmed.types import Completion, Request

_OPENAI = "https://api.openai.com/v1"
_ADAPTATIONS = 6
_BAD_REQUEST = 400
_CONNECT = 30
"""Seconds that a connection may take."""
_NO_CONTACT = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)
"""Nothing came from the endpoint: it is not there, or speaks another protocol."""
Url = Annotated[str, Field(pattern=r"^https?://")]
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
    base_url: Url | tuple[Url, ...] = Field(_OPENAI, min_length=1)
    """The endpoint up to and without /chat/completions; it usually ends in /v1. OpenAI itself by default, with the
    key in OPENAI_API_KEY. Several that serve the same model share its requests."""

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
        first = self.base_url if isinstance(self.base_url, str) else self.base_url[0]
        return f"{first.rstrip('/')}/chat/completions"

    def split(self) -> list[ModelSettings]:
        """One entry for each address."""
        if isinstance(self.base_url, str):
            return [self]
        return [self.model_copy(update={"base_url": url}) for url in self.base_url]


class Facts(NamedTuple):
    """What is known of an endpoint: models it serves, context length in tokens, parameters that it does not take."""

    served: tuple[str, ...]
    context: int | None
    left_out: tuple[str, ...]


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
        self._url = URL(settings.url)
        self.listener: Callable[[Mapping[str, str]], None] | None = None
        """Hears the headers of every answer."""

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
            async with session.post(self._url, data=_encode(body)) as response:
                if self.listener is not None:
                    self.listener(response.headers)
                return response.status, response.headers, await response.read()
        except aiohttp.ConnectionTimeoutError as late:
            said = f"{self.settings.where}: no connection within {_CONNECT} s"
            raise Unreachable(said, "timeout", connected=False) from late
        except TimeoutError as late:
            raise Unreachable(
                f"{self.settings.where} did not answer within {self.settings.timeout:g} s",
                "timeout",
            ) from late
        except (aiohttp.ClientError, OSError) as broken:
            reason = redact(str(broken) or type(broken).__name__, self._key())
            connected = not isinstance(broken, _NO_CONTACT)
            raise Unreachable(f"{self.settings.where}: {reason}", connected=connected) from None

    def _completion(self, raw: bytes) -> Completion:
        try:
            reply = decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as torn:
            raise Unreachable(f"{self.settings.where} sent a body that is no completion: {torn}") from None
        if not reply.choices:
            text = redact(error_text(raw), self._key())
            code = reply.error.get("code") if isinstance(reply.error, dict) else None
            raise refusal(code if isinstance(code, int) else 500, text, {}, self.settings.where)
        return completion_of(reply.choices[0], reply.usage or Usage())

    def _key(self) -> str | None:
        return os.environ.get(self.settings.api_key_env) if self.settings.api_key_env else None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            key = api_key(self.settings.api_key_env)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ttl_dns_cache=300),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self.settings.timeout, sock_connect=_CONNECT),
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


def connect(settings: ModelSettings, connections: int) -> OpenAI:
    """A back end on the endpoint that the settings name."""
    if not isinstance(settings, EndpointSettings):
        raise ReasonMedError(f"backend openai got the settings of backend {settings.backend}")
    return OpenAI(settings, connections)
