from __future__ import annotations

import copy
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from reasonmed.backends import anthropic
from reasonmed.backends._prices import Price
from reasonmed.engine.flow.endpoint import Endpoint, Rates
from reasonmed.errors import (
    CredentialRejected,
    ModelNotServed,
    Overloaded,
    ReasonMedError,
    RequestRejected,
    Unreachable,
)
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from reasonmed.parsing.judgment import VERDICT_SCHEMA, score_schema
from support import served

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "sk-ant-api03-0123456789abcdef"
ASKED = Request(
    model="claude-x",
    messages=(Message("system", "Be brief."), Message("user", "hello")),
    sampling=SamplingParameters(0.7, 0.9, 50),
    stage="verify",
)
Answer = dict[str, Any] | tuple[int, dict[str, Any]] | web.Response
_BOUNDS = {"minimum", "maximum", "minLength", "maxLength"}


def message(*blocks: dict[str, Any] | str, stop_reason: str | None = "end_turn", **usage: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    told = {"input_tokens": 10, "output_tokens": 5, **usage}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x-20260101",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": told,
    }


def error(kind: str, text: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_1"}


class StandIn:
    """The Messages API as its specification has it: what breaks its rules is refused with the API's own errors."""

    def __init__(self, answer: Callable[[dict[str, Any]], Answer]) -> None:
        self.answer = answer
        self.bodies: list[dict[str, Any]] = []

    async def handle(self, received: web.Request) -> web.StreamResponse:
        if received.path == "/v1/models":
            return web.json_response({"data": [{"type": "model", "id": "claude-x"}]})
        if (received.method, received.path) != ("POST", "/v1/messages"):
            return web.json_response(error("not_found_error", f"{received.path} not found"), status=404)
        if received.headers.get("x-api-key") != KEY or "Authorization" in received.headers:
            return web.json_response(error("authentication_error", "invalid x-api-key"), status=401)
        body = await received.json()
        problem = self.problem(received, body)
        if problem:
            return web.json_response(error("invalid_request_error", problem), status=400)
        self.bodies.append(body)
        found = self.answer(body)
        if isinstance(found, web.Response):
            return found
        status, content = found if isinstance(found, tuple) else (200, found)
        return web.json_response(content, status=status)

    def problem(self, received: web.Request, body: dict[str, Any]) -> str | None:
        if received.headers.get("anthropic-version") != "2023-06-01" or received.content_type != "application/json":
            return "anthropic-version: header is required, and a JSON body"
        if not isinstance(body.get("max_tokens"), int):
            return "max_tokens: Field required"
        known = {"model", "max_tokens", "messages", "system", "temperature", "top_p", "top_k", "stop_sequences"}
        extra = body.keys() - known - {"thinking", "output_config"}
        if extra:
            return f"{min(extra)}: Extra inputs are not permitted"
        roles = [turn["role"] for turn in body["messages"]]
        if roles[0] != "user" or not {*roles} <= {"user", "assistant"}:
            return "messages: roles must be user and assistant"
        if "thinking" in body and {"temperature", "top_p"} & body.keys():
            return "`temperature` may only be set to 1 when thinking is enabled"
        schema = str(body.get("output_config", {}).get("format", {}))
        return next(
            (f"output_config.format.schema: {bound} is not supported" for bound in _BOUNDS if bound in schema), None
        )


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


async def ask(answer: Callable[[dict[str, Any]], Answer], *asked: Request, **others: Any) -> tuple[list[Any], StandIn]:
    """Requests one after another to a stand-in; gives the replies and the stand-in."""
    server = StandIn(answer)
    async with served(server.handle) as url:
        told = {"backend": "anthropic", "model": "claude-x", "base_url": url.removesuffix("/v1"), **others}
        backend = anthropic.connect(anthropic.Settings.model_validate(told), 2)
        try:
            return [await backend.complete(one) for one in asked or (ASKED,)], server
        finally:
            await backend.aclose()


async def failing(answer: Callable[[dict[str, Any]], Answer], **others: Any) -> ReasonMedError:
    with pytest.raises(ReasonMedError) as caught:
        await ask(answer, **others)
    return caught.value


async def test_the_system_message_is_apart_and_the_body_is_what_the_specification_says() -> None:
    (reply,), server = await ask(lambda _: message("hi"))
    assert reply.text == "hi"
    assert server.bodies == [
        {
            "model": "claude-x",
            "max_tokens": 50,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "hello"}],
            "temperature": 0.7,
            "top_p": 0.9,
        }
    ]


async def test_a_re_ask_sends_its_turns_and_stop_sequences() -> None:
    turns = (*ASKED.messages, Message("assistant", "no"), Message("user", "Again."))
    _, server = await ask(
        lambda _: message("hi"), replace(ASKED, messages=turns, sampling=SamplingParameters(stop=("END",)))
    )
    (body,) = server.bodies
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["stop_sequences"] == ["END"]


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
async def test_a_base_url_may_end_in_v1(suffix: str) -> None:
    server = StandIn(lambda _: message("hi"))
    async with served(server.handle) as url:
        settings = anthropic.Settings(backend="anthropic", model="claude-x", base_url=url.removesuffix("/v1") + suffix)
        backend = anthropic.connect(settings, 1)
        assert (await backend.complete(ASKED)).text == "hi"
        assert (await backend.facts()).served == ("claude-x",)
        await backend.aclose()


async def test_thinking_is_apart_from_the_text_and_priced_as_output() -> None:
    blocks = (
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "ZGF0YQ=="},
        {"type": "thinking", "thinking": "So.", "signature": "c2ln"},
    )
    asked = replace(ASKED, extra_body={"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 5})
    (reply,), server = await ask(
        lambda _: message(*blocks, "B", " it is", output_tokens=900, output_tokens_details={"thinking_tokens": 880}),
        asked,
    )
    assert (reply.reasoning, reply.text) == ("Hm.\nSo.", "B it is")
    assert (reply.completion_tokens, reply.reasoning_tokens) == (900, 880)
    assert Price(input=0, output=10).of(reply) == pytest.approx(900 * 10 / 1e6)
    assert server.bodies[0].keys() == {"model", "max_tokens", "system", "messages", "thinking", "top_k"}


@pytest.mark.parametrize(
    ("stop_reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("pause_turn", "length"),
        ("refusal", "content_filter"),
    ],
)
async def test_every_stop_reason_is_mapped(stop_reason: str, finish: str) -> None:
    (reply,), _ = await ask(lambda _: message("so", stop_reason=stop_reason))
    assert reply.finish_reason == finish


@pytest.mark.parametrize("stop_reason", [None, "abort", "something_new"])
async def test_an_unknown_stop_reason_is_no_whole_reply(stop_reason: str | None) -> None:
    assert isinstance(await failing(lambda _: message("so", stop_reason=stop_reason)), Unreachable)


async def test_a_prompt_is_marked_for_the_cache_outside_its_identity() -> None:
    (reply,), server = await ask(
        lambda _: message("hi", cache_creation_input_tokens=2000, cache_read_input_tokens=500), prompt_caching=True
    )
    mark = {"type": "ephemeral"}
    assert server.bodies[0]["system"] == [{"type": "text", "text": "Be brief.", "cache_control": mark}]
    assert server.bodies[0]["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hello", "cache_control": mark}]}
    ]
    assert (reply.prompt_tokens, reply.cached_tokens, reply.cache_write_tokens) == (2510, 500, 2000)


def test_cached_input_costs_the_providers_shares() -> None:
    told = {"backend": "anthropic", "model": "x", "price": {"input": 4, "output": 20}}
    reply = Completion("", prompt_tokens=2510, cached_tokens=500, cache_write_tokens=2000, completion_tokens=0)
    cached = anthropic.Settings.model_validate({**told, "prompt_caching": True}).priced
    assert cached is not None
    assert cached.of(reply) == pytest.approx((10 * 4 + 500 * 0.4 + 2000 * 5) / 1e6)
    plain = anthropic.Settings.model_validate(told).priced
    assert plain is not None
    assert cached.worst(ASKED) > plain.worst(ASKED)
    assert anthropic.Settings(backend="anthropic", model="unheard-of").priced is None


@pytest.mark.parametrize(
    ("count", "read"), [(12.0, 12), ("12", 12), (-3, None), (10**25, None), (True, None), (None, None), ({}, None)]
)
async def test_odd_counts_do_not_lose_a_reply(count: Any, read: int | None) -> None:
    (reply,), _ = await ask(lambda _: message("hi", input_tokens=count, output_tokens=count))
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("hi", read, read)


@pytest.mark.parametrize("schema", [VERDICT_SCHEMA, score_schema(1, 10)])
async def test_a_schema_is_sent_as_an_output_format_without_bounds(schema: dict[str, Any]) -> None:
    before = copy.deepcopy(schema)
    asked = replace(ASKED, response_schema=schema, extra_body={"output_config": {"effort": "low"}})
    _, server = await ask(lambda _: message("{}"), asked)
    config = server.bodies[0]["output_config"]
    assert config["effort"] == "low"
    assert config["format"]["type"] == "json_schema"
    assert config["format"]["schema"]["required"] == schema["required"]
    assert config["format"]["schema"]["additionalProperties"] is False
    assert schema == before


async def learns(refused: str, text: str) -> list[dict[str, Any]]:
    def answer(body: dict[str, Any]) -> Answer:
        return (400, error("invalid_request_error", text)) if refused in body else message("hi")

    asked = replace(ASKED, response_schema=VERDICT_SCHEMA)
    _, server = await ask(answer, asked, asked)
    return server.bodies


@pytest.mark.parametrize(
    ("refused", "text"),
    [
        ("output_config", "output_config.format: Extra inputs are not permitted"),
        ("output_config", "This model does not support structured outputs."),
        ("top_p", "`temperature` and `top_p` cannot both be specified for this model. Please use only one."),
        ("temperature", "`temperature` is deprecated for this model."),
    ],
)
async def test_what_a_model_does_not_take_is_learned_and_the_rest_is_kept(refused: str, text: str) -> None:
    first, *later = await learns(refused, text)
    assert [body.keys() for body in later] == [first.keys() - {refused}] * 2


async def test_a_refusal_that_only_speaks_of_a_temperature_changes_nothing() -> None:
    text = "messages.0: her temperature is 38.9, which is not supported"
    found = await failing(lambda _: (400, error("invalid_request_error", text)))
    assert isinstance(found, RequestRejected)


@pytest.mark.parametrize(
    ("status", "kind", "text", "expected"),
    [
        (401, "authentication_error", "invalid x-api-key", CredentialRejected),
        (403, "permission_error", "Your API key has no permission for this model.", CredentialRejected),
        (402, "billing_error", "There is an issue with your billing.", CredentialRejected),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", CredentialRejected),
        (400, "invalid_request_error", "You have reached your specified API usage limits.", CredentialRejected),
        (404, "not_found_error", "model: claude-9", ModelNotServed),
        (429, "rate_limit_error", "This request would exceed your rate limit. See billing.", Overloaded),
        (529, "overloaded_error", "Overloaded", Overloaded),
        (200, "overloaded_error", "Overloaded", Overloaded),
        (500, "api_error", "Internal server error", Unreachable),
        (504, "timeout_error", "The request timed out.", Unreachable),
        (413, "request_too_large", "Request exceeds the maximum size", RequestRejected),
        (400, "invalid_request_error", "messages: at least one message is required", RequestRejected),
    ],
)
async def test_every_type_of_error_has_its_own(status: int, kind: str, text: str, expected: type[Exception]) -> None:
    found = await failing(lambda _: (status, error(kind, text)))
    assert type(found) is expected
    assert text in str(found)


async def test_retry_after_reaches_the_caller() -> None:
    found = await failing(
        lambda _: web.json_response(error("rate_limit_error", "slow"), status=429, headers={"Retry-After": "7"})
    )
    assert isinstance(found, Overloaded)
    assert found.retry_after == 7


@pytest.mark.parametrize(
    ("status", "kind", "text", "expected"),
    [
        (400, "invalid_request_error", "prompt is too long: 204000 tokens > 200000 maximum", "context"),
        (400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 19 + 20 > 30", "context"),
        (413, "request_too_large", "Request exceeds the maximum size", "context"),
        (400, "invalid_request_error", "Output blocked by content filtering policy", "filter"),
        (400, "invalid_request_error", "messages: at least one message is required", "bad_request"),
    ],
)
async def test_a_rejection_knows_its_kind_and_status(status: int, kind: str, text: str, expected: str) -> None:
    found = await failing(lambda _: (status, error(kind, text)))
    assert isinstance(found, RequestRejected)
    assert (found.kind, found.status) == (expected, status)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"<html>gateway</html>", b"\xff"])
async def test_a_torn_or_foreign_body_is_asked_again(body: bytes) -> None:
    assert isinstance(await failing(lambda _: web.Response(body=body)), Unreachable)
    assert isinstance(await failing(lambda _: web.Response(body=body, status=502)), Unreachable)


async def test_a_reply_that_can_be_read_is_not_lost_to_a_mark_or_half_a_letter() -> None:
    raw = b'\xef\xbb\xbf{"type": "message", "content": [{"type": "text", "text": "a\\ud83d\nb"}, 3, {"type": "x"}],'
    raw += b'"stop_reason": "end_turn", "usage": {"input_tokens": NaN, "output_tokens": 5}}'
    (reply,), _ = await ask(lambda _: web.Response(body=raw))
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("a?\nb", None, 5)


async def test_a_key_that_a_server_echoes_is_not_repeated() -> None:
    found = await failing(lambda _: (401, error("authentication_error", f"{KEY} is no key")))
    assert KEY not in str(found)
    assert "ANTHROPIC_API_KEY" in str(found)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"extra_body": {"system": "x"}}, "must not hold system"),
        ({"extra_body": {"stream": True}}, "must not hold stream"),
        ({"base_url": "https://h/v1/messages"}, "must end before"),
        ({"base_url": "h"}, "http"),
        ({"sampling": {"seed": 1}}, "seed"),
    ],
)
def test_what_the_api_cannot_do_is_refused_in_the_recipe(entry: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        anthropic.Settings.model_validate({"backend": "anthropic", "model": "x", **entry})


async def test_what_was_sent_and_which_model_was_served_is_kept() -> None:
    def picky(body: dict[str, Any]) -> Answer:
        if "temperature" in body and "top_p" in body:
            return 400, error("invalid_request_error", "`temperature` and `top_p` cannot both be specified")
        return message("hello")

    (found, again), _ = await ask(picky, ASKED, replace(ASKED, sample=1))
    assert found.sent == again.sent == {"temperature": 0.7, "max_tokens": 50, "json_schema": False}
    assert found.served == "claude-x-20260101"
    thinks = replace(ASKED, extra_body={"thinking": {"type": "adaptive"}}, response_schema=VERDICT_SCHEMA)
    (found, as_asked), _ = await ask(lambda _: message("hello"), thinks, replace(ASKED, response_schema=VERDICT_SCHEMA))
    assert found.sent == {"max_tokens": 50, "json_schema": True}
    assert as_asked.sent is None


async def test_the_apis_own_rate_limit_headers_hold_requests_back() -> None:
    reset = (datetime.now(UTC) + timedelta(seconds=90)).isoformat(timespec="seconds").replace("+00:00", "Z")
    headers = {"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": reset}
    headers |= {
        "anthropic-ratelimit-tokens-remaining": "4000",
        "anthropic-ratelimit-tokens-reset": "2999-01-01T00:00:00Z",
    }
    server = StandIn(lambda _: web.json_response(message("hello"), headers=headers))
    async with served(server.handle) as url:
        backend = anthropic.connect(anthropic.Settings(backend="anthropic", model="claude-x", base_url=url), 1)
        endpoint = Endpoint("x", backend, 4, Rates(), time.monotonic)
        await backend.complete(ASKED)
        await backend.aclose()
    assert 60 < endpoint.wait(endpoint.estimate(ASKED), time.monotonic()) < 91
