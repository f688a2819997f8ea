from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from reasonmed.backends import azure, openai
from reasonmed.backends.openai import OpenAI
from reasonmed.errors import (
    CredentialRejected,
    ModelNotServed,
    Overloaded,
    ReasonMedError,
    RequestRejected,
    Unreachable,
)
from reasonmed.exchange import Message, Request, SamplingParameters
from support import reply, served

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = {"type": "object"}
KEY = "sk-test-0123456789abcdef"


def request(**others: Any) -> Request:
    sampling = SamplingParameters(0.7, 0.9, 50, seed=others.pop("seed", None))
    messages = (Message("user", "hello"),)
    return Request(model="m", messages=messages, sampling=sampling, stage="verify", **others)


def backend(url: str, **others: Any) -> OpenAI:
    return OpenAI(openai.Settings(backend="openai", base_url=url, model="m", **others), 4)


async def ask(
    answer: Callable[[dict[str, Any]], web.StreamResponse], asked: Request | None = None, **others: Any
) -> Any:
    """One request to a server that answers with a function of the body; gives the completion and the bodies."""
    bodies: list[dict[str, Any]] = []

    async def handle(received: web.Request) -> web.StreamResponse:
        bodies.append(await received.json())
        return answer(bodies[-1])

    async with served(handle) as url:
        endpoint = backend(url, **others)
        try:
            return await endpoint.complete(asked or request()), bodies
        finally:
            await endpoint.aclose()


async def failing(answer: Callable[[dict[str, Any]], web.StreamResponse], **others: Any) -> ReasonMedError:
    with pytest.raises(ReasonMedError) as caught:
        await ask(answer, **others)
    return caught.value


async def test_the_body_is_what_the_specification_says() -> None:
    asked = request(response_schema=SCHEMA, extra_body={"top_k": 5}, seed=3)
    completion, (body,) = await ask(lambda _: reply("hi"), asked)
    assert completion.text == "hi"
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 50,
        "temperature": 0.7,
        "top_p": 0.9,
        "seed": 3,
        "top_k": 5,
        "response_format": {"type": "json_schema", "json_schema": {"name": "verify", "schema": SCHEMA, "strict": True}},
    }


async def test_usage_with_cached_and_reasoning_tokens_is_read() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 64},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    completion, _ = await ask(lambda _: reply("hi", usage=usage))
    assert (completion.prompt_tokens, completion.cached_tokens) == (100, 64)
    assert (completion.completion_tokens, completion.reasoning_tokens) == (40, 30)


async def test_a_reply_without_usage_has_no_counts() -> None:
    completion, _ = await ask(lambda _: reply("hi", usage=None))
    assert completion.prompt_tokens is None


@pytest.mark.parametrize(
    ("message", "reasoning", "text"),
    [
        ({"text": "so B", "reasoning_content": "hm"}, "hm", "so B"),
        ({"text": "so B", "reasoning": "hm"}, "hm", "so B"),
        ({"text": "<think>hm</think>\nso B"}, "hm", "so B"),
        ({"text": "hm\n</think>\nso B"}, "hm", "so B"),
        ({"text": "so B"}, None, "so B"),
        ({"text": None, "refusal": "I cannot."}, None, "I cannot."),
        ({"text": [{"type": "text", "text": "so "}, {"type": "text", "text": "B"}]}, None, "so B"),
        ({"text": None}, None, ""),
    ],
)
async def test_thinking_is_kept_apart_from_the_text(message: dict[str, Any], reasoning: str | None, text: str) -> None:
    completion, _ = await ask(lambda _: reply(**message))
    assert (completion.reasoning, completion.text) == (reasoning, text)


async def test_thinking_without_an_end_counts_as_cut() -> None:
    completion, _ = await ask(lambda _: reply("<think>and then"))
    assert completion.cut
    assert completion.text == ""


def refuse(status: int, message: str = "no", **error: Any) -> Callable[[dict[str, Any]], web.Response]:
    return lambda _: web.json_response({"error": {"message": message, **error}}, status=status)


@pytest.mark.parametrize(
    ("status", "message", "code", "kind"),
    [
        (401, "bad key", None, CredentialRejected),
        (403, "forbidden", None, CredentialRejected),
        (402, "pay", None, CredentialRejected),
        (429, "You exceeded your current quota", "insufficient_quota", CredentialRejected),
        (404, "no such model", "model_not_found", ModelNotServed),
        (400, "The model `x` does not exist", None, ModelNotServed),
        (429, "slow down", "rate_limit_exceeded", Overloaded),
        (503, "loading", None, Overloaded),
        (500, "oops", None, Unreachable),
        (502, "bad gateway", None, Unreachable),
        (408, "timeout", None, Unreachable),
        (400, "bad request", None, RequestRejected),
        (422, "bad request", None, RequestRejected),
    ],
)
async def test_every_status_has_its_error(status: int, message: str, code: str | None, kind: type[Exception]) -> None:
    error = await failing(refuse(status, message, code=code))
    assert type(error) is kind
    assert message in str(error)


@pytest.mark.parametrize(
    ("message", "error", "kind"),
    [
        ("This model's maximum context length is 8192 tokens", {"code": "context_length_exceeded"}, "context"),
        ("the request exceeds the available context size", {"type": "exceed_context_size_error"}, "context"),
        ("The response was filtered", {"code": "content_filter"}, "filter"),
        ("messages must not be empty", {"type": "invalid_request_error"}, "bad_request"),
    ],
)
async def test_a_rejection_knows_its_kind(message: str, error: dict[str, str], kind: str) -> None:
    found = await failing(refuse(400, message, **error))
    assert isinstance(found, RequestRejected)
    assert found.kind == kind


async def test_retry_after_reaches_the_caller() -> None:
    def busy(_: dict[str, Any]) -> web.Response:
        return web.json_response({"error": {"message": "busy"}}, status=429, headers={"Retry-After": "7"})

    error = await failing(busy)
    assert isinstance(error, Overloaded)
    assert error.retry_after == 7


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"choices": []}', b'{"choices": [{"mess', b"<html>gateway</html>", b"\xff\xfe"]
)
async def test_a_torn_or_foreign_body_is_asked_again(body: bytes) -> None:
    error = await failing(lambda _: web.Response(body=body, content_type="application/json"))
    assert isinstance(error, Unreachable)


async def test_an_error_inside_a_200_is_an_error() -> None:
    error = await failing(lambda _: web.json_response({"error": {"message": "upstream is busy", "code": 429}}))
    assert isinstance(error, Overloaded)


async def test_nobody_there_is_unreachable() -> None:
    endpoint = backend("http://127.0.0.1:9/v1")
    with pytest.raises(Unreachable, match="m at http://127"):
        await endpoint.complete(request())
    await endpoint.aclose()


async def test_a_server_that_is_too_slow_is_unreachable() -> None:
    async def sleeps(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return reply()

    async with served(sleeps) as url:
        endpoint = backend(url, timeout=0.1)
        with pytest.raises(Unreachable, match=r"within 0\.1 s"):
            await endpoint.complete(request())
        await endpoint.aclose()


async def learns(refused: str, message: str) -> list[dict[str, Any]]:
    """Two requests to an endpoint that refuses one parameter; gives all the bodies that it saw."""
    bodies: list[dict[str, Any]] = []

    async def handle(received: web.Request) -> web.StreamResponse:
        bodies.append(await received.json())
        return refuse(400, message)({}) if refused in bodies[-1] else reply()

    async with served(handle) as url:
        endpoint = backend(url)
        for _ in range(2):
            await endpoint.complete(request(response_schema=SCHEMA))
        await endpoint.aclose()
    return bodies


async def test_an_endpoint_without_json_schema_is_remembered() -> None:
    bodies = await learns("response_format", "response_format is not supported by this model")
    assert ["response_format" in body for body in bodies] == [True, False, False]


async def test_an_endpoint_with_the_newer_token_limit_is_remembered() -> None:
    bodies = await learns("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    assert [body.get("max_completion_tokens") for body in bodies] == [None, 50, 50]


async def test_a_model_without_temperature_is_remembered() -> None:
    bodies = await learns("temperature", "Unsupported value: 'temperature' does not support 0.7 with this model.")
    assert ["temperature" in body for body in bodies] == [True, False, False]


async def test_an_endpoint_that_refuses_everything_ends_as_a_rejection() -> None:
    error = await failing(refuse(400, "temperature top_p seed stop schema max_completion_tokens"))
    assert isinstance(error, RequestRejected)


async def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    seen: list[str | None] = []

    async def handle(received: web.Request) -> web.StreamResponse:
        seen.append(received.headers.get("Authorization"))
        return reply()

    async with served(handle) as url:
        for endpoint in (backend(url, api_key_env="MY_KEY"), backend(url)):
            await endpoint.complete(request())
            await endpoint.aclose()
    assert seen == [f"Bearer {KEY}", None]


async def test_a_key_that_is_not_set_is_said_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    endpoint = backend("http://127.0.0.1:9/v1", api_key_env="MY_KEY")
    with pytest.raises(CredentialRejected, match="MY_KEY is not set"):
        await endpoint.complete(request())


async def test_a_key_that_a_server_echoes_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    error = await failing(refuse(401, f"Incorrect API key provided: {KEY}; Bearer {KEY}"), api_key_env="MY_KEY")
    assert KEY not in str(error)
    masked = await failing(refuse(401, "Incorrect API key provided: sk-te***cdef"))
    assert "cdef" not in str(masked)


async def test_azure_has_its_own_url_and_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", KEY)
    seen: list[tuple[str, str | None, str | None]] = []

    async def handle(received: web.Request) -> web.StreamResponse:
        seen.append((received.path_qs, received.headers.get("api-key"), received.headers.get("Authorization")))
        return reply()

    async with served(handle) as url:
        settings = azure.Settings(backend="azure", endpoint=url.removesuffix("/v1"), deployment="mini")
        endpoint = azure.connect(settings, 1)
        await endpoint.complete(request())
        await endpoint.aclose()
    assert seen == [("/openai/deployments/mini/chat/completions?api-version=2024-10-21", KEY, None)]


async def test_openai_itself_wants_its_key_by_default() -> None:
    assert openai.Settings(backend="openai", model="m").api_key_env == "OPENAI_API_KEY"
    assert openai.Settings(backend="openai", model="m", base_url="http://x/v1").api_key_env is None


async def test_the_facts_of_an_endpoint() -> None:
    async def handle(_: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [{"id": "other"}, {"id": "m", "max_model_len": 4096}]})

    async with served(handle) as url:
        endpoint = backend(url)
        facts = await endpoint.facts()
        await endpoint.aclose()
    assert facts == (("other", "m"), 4096, ())
    assert json.dumps(facts)
