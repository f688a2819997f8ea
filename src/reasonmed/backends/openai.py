"""Any endpoint that speaks OpenAI's ``/v1/chat/completions``: OpenAI, vLLM, SGLang, Ollama, llama.cpp, OpenRouter, ...

Specification: https://platform.openai.com/docs/api-reference/chat. What servers do differently (no JSON schema, another
name for the token limit, no temperature, streams only) is learned from their first refusal and remembered.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

import aiohttp
import msgspec
from msgspec.structs import replace
from pydantic import AfterValidator, Field, model_validator
from yarl import URL

from reasonmed import __version__
from reasonmed.backends import MAX_REPLY_MB
from reasonmed.backends._body import AS_IT_COMES, UnreadableBody, read_body
from reasonmed.backends._dialect import Dialect, Once, limit_of, refused_extra
from reasonmed.backends._endpoint import PATH, EndpointSettings, Facts, api_key
from reasonmed.backends._errors import refusal
from reasonmed.backends._http import Asked, address, posted, proxy_of, tls_of
from reasonmed.backends._json import plain_json
from reasonmed.backends._said import one_line, read_error
from reasonmed.backends._servable import ServableSettings
from reasonmed.backends._served import Served
from reasonmed.backends._wire import UnknownFinish, choice_of, completion_of, error_beside, read_reply
from reasonmed.errors import (
    CredentialRejected,
    ModelNotServed,
    Overloaded,
    ReasonMedError,
    RequestRejected,
    Unreachable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reasonmed.backends import ModelSettings
    from reasonmed.exchange import Completion, Request

_OPENAI = "https://api.openai.com/v1"
_ADAPTATIONS = 10
_CONNECT = 30
"""Seconds that a connection may take, TLS among it."""
_FIRST_CONNECT = 10
"""The same as long as there was none: a port that never speaks is no busy server."""
_NO_CONTACT = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)
"""Nothing came from the endpoint: it is not there, or speaks another protocol."""
BROKEN = (UnreadableBody, aiohttp.ClientError, OSError, TimeoutError)
"""What an exchange ends with that brings no whole answer."""
_SUCCESS = range(200, 300)
_COMPLETED = frozenset(_SUCCESS) - {204, 205}
"""Statuses that come with a reply: the other successes have no body."""
_TELLING = ("error", "errors", "message", "detail", "msg", "error_msg", "base_resp", "code")


def _addresses(value: str | tuple[str, ...]) -> str | tuple[str, ...]:
    for one in (value,) if isinstance(value, str) else value:
        if address(one).rstrip("/").endswith(PATH):
            raise ValueError(f"must end before {PATH}, which is added to it")
    return value


class Settings(ServableSettings):
    """A model behind an OpenAI-compatible endpoint."""

    model: str = Field(min_length=1)
    """The model's name as the endpoint knows it."""
    base_url: Annotated[str | tuple[str, ...], AfterValidator(_addresses)] = Field(_OPENAI, min_length=1)
    """The endpoint up to and without /chat/completions; it usually ends in /v1. OpenAI itself by default, with the
    key in OPENAI_API_KEY. Several that serve the same model share its requests."""

    @model_validator(mode="after")
    def _own_key_variable(self) -> Self:
        if self.api_key_env is None and self.base_url == _OPENAI:
            object.__setattr__(self, "api_key_env", "OPENAI_API_KEY")
        return self

    @model_validator(mode="after")
    def _batches_at_one_address(self) -> Self:
        if self.batch and not isinstance(self.base_url, str):
            raise ValueError("batch: needs one base_url; a batch belongs to the provider that it was submitted to")
        return self

    @property
    def identity(self) -> str:
        """The model's name at its provider."""
        return self.model

    @property
    def url(self) -> str:
        """Where completions are asked for."""
        first = self.base_url if isinstance(self.base_url, str) else self.base_url[0]
        return f"{first.rstrip('/')}{PATH}"

    def split(self) -> list[ModelSettings]:
        """One entry for each address."""
        if isinstance(self.base_url, str):
            return [self]
        return [self.model_copy(update={"base_url": url}) for url in self.base_url]


class Answer(NamedTuple):
    """An HTTP answer, read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


_encode = msgspec.json.Encoder().encode


def _tells(reply: Mapping[str, object]) -> bool:
    """Whether an object that is no completion says what went wrong."""
    return any(reply.get(name) for name in _TELLING)


class OpenAI:
    """The back end: one pool of connections to one endpoint."""

    def __init__(self, settings: EndpointSettings, connections: int, *, direct: bool = False) -> None:
        self.settings = settings
        self._direct = direct
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._dialect = Dialect(settings.identity, json_schema=settings.json_schema)
        self._most_bytes = int((settings.limits.max_reply_mb or MAX_REPLY_MB) * 1e6)
        self._url, self._where = URL(settings.url), settings.where
        self._first_limits, self._limits = (
            aiohttp.ClientTimeout(total=settings.timeout, sock_connect=seconds)
            for seconds in (_FIRST_CONNECT, _CONNECT)
        )
        self._met = False
        """Whether there ever was a connection."""
        self.listener: Callable[[Mapping[str, str]], None] | None = None
        """Hears the headers of every answer."""

    async def complete(self, request: Request) -> Completion:
        """Answer a request; leaves out what this endpoint turns out not to take.

        Raises:
            BackendError: the service's fault, or the request's own.
            ControlError: a fault of key, account or configuration.
        """
        once = Once()
        for _ in range(_ADAPTATIONS):
            body = self.body(request, once)
            found = self.read(request, await self._post(body), body, once)
            if not isinstance(found, ReasonMedError):
                return found
            error = found
        raise error

    def body(self, request: Request, once: Once | None = None) -> dict[str, object]:
        """The request as this endpoint takes it."""
        return self._dialect.body(request, once or Once())

    def sent(self, request: Request, body: Mapping[str, object]) -> dict[str, object] | None:
        """The sampling parameters of a body; None where they are those that the request asks for."""
        return self._dialect.sent(request, body)

    def read(
        self, request: Request, answer: Answer, body: dict[str, object], once: Once
    ) -> Completion | ReasonMedError:
        """The completion in an answer to a body, or the error after which the next body goes without something.

        Raises:
            BackendError: the service's fault, or the request's own.
            ControlError: a fault of key, account or configuration.
        """
        reply = read_reply(answer.body) if answer.status in _SUCCESS else None
        completion = self._completion(reply, body) if reply else None
        if completion is None:
            return self._error(request, answer, reply, once, body)
        sent = self.sent(request, body)
        return replace(completion, sent=sent) if sent else completion

    def _error(
        self, request: Request, answer: Answer, reply: dict[str, object] | None, once: Once, body: dict[str, object]
    ) -> ReasonMedError:
        """What an answer without a completion means; raised at once unless the next try goes without something."""
        asked = "\n".join(message.content for message in request.messages)
        said = read_error(answer.body, self.key(), asked)
        if answer.status in _COMPLETED and (reply is None or not _tells(reply)):
            raise Unreachable(f"{self._where} sent a body that is no completion: {said.text[:200]}", "server")
        error = refusal(answer.status, said, answer.headers, self._where)
        if isinstance(error, CredentialRejected | Overloaded):
            raise error
        status = getattr(error, "status", 0) or answer.status
        if self._dialect.learn(status, said, request, body, once):
            return error
        extra = refused_extra(request, said)
        if extra is not None:
            or_else = ", or leave out --effort" if extra in (self.settings.thinking_effort("low") or ()) else ""
            raise ModelNotServed(f"{error}. Take `{extra}` out of the model's `extra_body`{or_else}.", status)
        raise error

    async def _post(self, body: Mapping[str, object]) -> Answer:
        session, asked = self.session(), Asked(self._url, _encode(body))
        try:
            async with posted(session, asked, self._where, self._timeout()) as response:
                if self.listener is not None:
                    self.listener(response.headers)
                return Answer(response.status, response.headers, await read_body(response, self._most_bytes))
        except BROKEN as broken:
            raise self.unreachable(broken) from None

    def unreachable(self, broken: Exception) -> Unreachable:
        """The error that a broken exchange stands for."""
        if isinstance(broken, UnreadableBody):
            return Unreachable(f"{self._where} sent {broken}", "server")
        if isinstance(broken, aiohttp.ConnectionTimeoutError):
            said = f"{self._where}: no connection within {self._timeout().sock_connect:g} s"
            return Unreachable(said, "timeout", connected=self._met)
        if isinstance(broken, TimeoutError):
            return Unreachable(f"{self._where} did not answer within {self.settings.timeout:g} s", "timeout")
        reason = one_line(str(broken) or type(broken).__name__, self.key())
        return Unreachable(f"{self._where}: {reason}", connected=not isinstance(broken, _NO_CONTACT))

    def _completion(self, reply: dict[str, object], body: Mapping[str, object]) -> Completion | None:
        """The completion in a reply; None where it holds none."""
        choice = choice_of(reply)
        if choice is None:
            return None
        beside = error_beside(reply, choice)
        if beside is not None:
            said = read_error(_encode({"error": beside}), self.key())
            error = refusal(200, said, {}, self._where)
            own_fault = isinstance(error, RequestRejected) and error.kind == "bad_request"
            raise Unreachable(f"{self._where} broke off a reply: {said.text}", "server") if own_fault else error
        try:
            return completion_of(reply, choice, limit_of(body))
        except UnknownFinish as odd:
            raise Unreachable(
                f"{self._where} ended a reply with finish_reason {str(odd)!r}, which is no end", "server"
            ) from None

    def _timeout(self) -> aiohttp.ClientTimeout:
        return self._limits if self._met else self._first_limits

    async def _meet(self, *_: object) -> None:
        self._met = True

    def key(self) -> str | None:
        """The key as it is sent."""
        return os.environ.get(self.settings.api_key_env, "").strip() if self.settings.api_key_env else None

    def session(self) -> aiohttp.ClientSession:
        """The connections, with their headers."""
        if self._session is None:
            key = api_key(self.settings.api_key_env)
            trace = aiohttp.TraceConfig()
            trace.on_connection_create_end.append(self._meet)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, ttl_dns_cache=300, ssl=tls_of(self._url, self.settings.ca_file)
                ),
                proxy=None if self._direct else proxy_of(self._url),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout(),
                trace_configs=[trace],
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": f"reasonmed/{__version__}",
                    **self.settings.headers,
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
        return Facts(names, context if isinstance(context, int) else None, tuple(sorted(self._dialect.left_out)))

    async def get(self, path: str) -> object:
        """The JSON at a path beside the completions, such as ``models``; None where there is none."""
        try:
            async with self.session().get(
                f"{self.settings.base}/{path}", allow_redirects=False, **AS_IT_COMES
            ) as response:
                return plain_json(await read_body(response, self._most_bytes)) if response.ok else None
        except (aiohttp.ClientError, OSError, TimeoutError, UnreadableBody):
            return None

    async def aclose(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0)
            self._session = None


def connect(settings: ModelSettings, connections: int) -> OpenAI | Served:
    """A back end on the endpoint that the settings name, or on a server that they describe."""
    if not isinstance(settings, EndpointSettings):
        raise ReasonMedError(f"backend openai got the settings of backend {settings.backend}")
    serve = settings.serve if isinstance(settings, ServableSettings) else None
    if serve is None:
        return OpenAI(settings, connections)

    def client(url: str) -> OpenAI:
        return OpenAI(settings.model_copy(update={"base_url": url}), connections, direct=True)

    return Served(settings, serve, client)
