from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from reasonmed.backends import openai
from reasonmed.backends._room import most_tokens, room
from reasonmed.errors import ModelNotServed, RequestRejected
from reasonmed.exchange import Message, Request, SamplingParameters
from support import reply, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from reasonmed.exchange import Completion

    Refuses = Callable[[dict[str, Any]], tuple[int, Any] | None]

FEVER = "A girl with a sore throat: her temperature is 38.9 and does not fall. What next?"


def request(text: str = "hello", *, schema: bool = False, **others: Any) -> Request:
    drawn = SamplingParameters(0.7, 0.9, others.pop("max_tokens", 4000), seed=others.pop("seed", None))
    shape = {"type": "object"} if schema else None
    return Request(model="m", messages=(Message("user", text),), sampling=drawn, response_schema=shape, **others)


class Strict:
    """An endpoint that refuses some bodies, and what it was sent."""

    def __init__(self, url: str, bodies: list[dict[str, Any]]) -> None:
        self.bodies = bodies
        self.endpoint = openai.connect(openai.Settings(backend="openai", base_url=url, model="m"), 2)

    async def ask(self, asked: Request) -> Completion:
        return await self.endpoint.complete(asked)


@asynccontextmanager
async def strict(refuses: Refuses) -> AsyncIterator[Strict]:
    bodies: list[dict[str, Any]] = []

    async def handle(received: web.Request) -> web.StreamResponse:
        bodies.append(await received.json())
        refused = refuses(bodies[-1])
        return reply(model="x") if refused is None else web.json_response(refused[1], status=refused[0])

    async with served(handle) as url:
        made = Strict(url, bodies)
        try:
            yield made
        finally:
            await made.endpoint.aclose()


def without(name: str, status: int, body: Any) -> Refuses:
    return lambda sent: (status, body) if name in sent else None


def said(message: str, **others: Any) -> dict[str, Any]:
    return {"error": {"message": message, **others}}


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("temperature", 400, said("nope", param="temperature", code="unsupported_parameter")),
        ("temperature", 422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "Extra"}]}),
        ("temperature", 500, said("create() got an unexpected keyword argument 'temperature'")),
        ("temperature", 400, said("`temperature` is deprecated for this model.")),
        ("temperature", 200, {"code": 400, "message": "Unsupported value: 'temperature' must stay the default"}),
        ("top_p", 400, said("This deployment does not take top_p: it is not supported")),
        ("top_p", 404, said("top_p is not supported by any provider")),
        ("seed", 400, said("Unrecognized request argument supplied: seed")),
        ("seed", 422, said("parameter seed is not allowed here")),
        ("response_format", 400, {"code": 1, "message": "Json mode is not supported for this model."}),
        ("response_format", 400, said("Invalid schema for response_format 'reply': 'type' is missing")),
        ("response_format", 404, said("No endpoints found that can handle the requested parameters")),
        ("response_format", 400, said("structured output is unavailable right now")),
    ],
)
async def test_a_parameter_that_is_refused_is_not_sent_again(name: str, status: int, body: Any) -> None:
    async with strict(without(name, status, body)) as server:
        asked = request(seed=1, schema=True)
        first, second = await server.ask(asked), await server.ask(asked)
    assert [name in sent for sent in server.bodies] == [True, False, False]
    assert len(server.bodies[1]) == len(server.bodies[0]) - 1
    assert first.sent == second.sent
    assert first.sent is not None
    assert name not in first.sent


@pytest.mark.parametrize(
    "body",
    [
        said("`temperature` and `top_p` cannot both be specified for this model."),
        said("temperature and top_p may not be used together", code="unsupported_parameter"),
    ],
)
async def test_of_temperature_and_top_p_the_temperature_is_kept(body: Any) -> None:
    both = {"temperature", "top_p"}
    async with strict(lambda sent: (400, body) if both <= sent.keys() else None) as server:
        found = await server.ask(request())
    assert found.sent == {"temperature": 0.7, "max_tokens": 4000, "json_schema": False}


@pytest.mark.parametrize(
    "message",
    [
        f"Unsupported content in messages[0]: {FEVER}",
        "Invalid input: '...her temperature is 38.9 and does not fall...' is not allowed",
        "Cannot process: 'stop' 'seed' ... her temperature is 38.9, which is not supported text",
        "temperature is 38.9 is not a supported input",
        "Input temperature 2.5 must be between 0 and 2",
    ],
)
async def test_a_refusal_that_quotes_the_question_takes_no_parameter_off(message: str) -> None:
    async with strict(lambda sent: (400, said(message)) if "her temp" in str(sent["messages"]) else None) as server:
        with pytest.raises(RequestRejected):
            await server.ask(request(FEVER))
        after = await server.ask(request())
    assert after.sent is None
    assert len(server.bodies) == 2


async def test_what_is_sent_as_asked_is_not_noted() -> None:
    async with strict(lambda _: None) as server:
        assert (await server.ask(request(schema=True))).sent is None


async def test_a_limit_under_another_name_is_the_same_limit() -> None:
    refused = said("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
    async with strict(without("max_tokens", 400, refused)) as server:
        assert (await server.ask(request())).sent is None
    assert server.bodies[-1]["max_completion_tokens"] == 4000


@pytest.mark.parametrize(
    "message",
    [
        "max_tokens is too large: 4000. This model supports at most 300 completion tokens.",
        "Range of max_tokens should be [1, 300]",
        "max_tokens must be less than or equal to 300",
        "`max_new_tokens` must be <= 300. Given: 4000",
        "Invalid max_tokens value, the valid range of max_tokens is [1, 300]",
        "max_tokens: 4000 > 300, which is the maximum allowed number of output tokens for this model",
    ],
)
async def test_a_limit_beyond_the_models_shrinks_for_good(message: str) -> None:
    async with strict(lambda sent: (400, said(message)) if sent["max_tokens"] > 300 else None) as server:
        found = [await server.ask(request()) for _ in range(2)]
        short = await server.ask(request(max_tokens=100))
    assert [sent["max_tokens"] for sent in server.bodies] == [4000, 300, 300, 100]
    assert [one.sent and one.sent["max_tokens"] for one in (*found, short)] == [300, 300, None]


async def test_a_limit_beside_a_long_prompt_shrinks_for_this_request_alone() -> None:
    message = (
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
        "(1000 in the messages, 4000 in the completion)."
    )
    long = "long " * 50

    def refuses(sent: dict[str, Any]) -> tuple[int, Any] | None:
        return (400, said(message)) if long in str(sent["messages"]) and sent["max_tokens"] > 3096 else None

    async with strict(refuses) as server:
        await server.ask(request(long))
        await server.ask(request("short"))
    assert [sent["max_tokens"] for sent in server.bodies] == [4000, 3096, 4000]


@pytest.mark.parametrize(
    ("prose", "sent", "left"),
    [
        ("context limit: 190000 + 20000 > 200000", 20000, 10000),
        ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3000 `inputs` tokens and 2000", 2000, 1096),
        (
            "'max_tokens' is too large: 8192. The maximum context length is 4096 and your request has 512 input tokens",
            8192,
            3584,
        ),
        (
            "maximum context length is 8192. You requested about 10,000 tokens (8,000 of text, 2,000 in the output)",
            2000,
            188,
        ),
        ("Request too large on TPM: Limit 6000, Requested 8021, please reduce", 4000, 1979),
        ("maximum context length is 4096, your prompt has 5000 tokens and asks for 100", 100, None),
        ("maximum context length is 4096; 4090 in the messages, 100 in the completion", 100, None),
        ("The prompt is too long: 9000, model maximum context length: 8191", 2000, None),
        ("no number at all", 2000, None),
    ],
)
def test_room_is_what_the_numbers_leave(prose: str, sent: int, left: int | None) -> None:
    assert room(prose, sent) == left


def test_numbers_that_are_about_something_else_are_no_limit() -> None:
    assert most_tokens("The patient takes at most 300 mg", 4000) is None
    assert most_tokens("max_tokens is fine, id 1234", 4000) is None
    assert most_tokens("max_tokens must be at most 9000", 4000) is None


@pytest.mark.parametrize(
    "message",
    [
        "Requests with max_tokens > 2048 must have stream=true",
        "This model only supports streaming output",
        "parameter.enable_thinking must be set to false for non-streaming calls",
        "Please set the stream parameter to true",
    ],
)
@pytest.mark.parametrize("events", [True, False])
async def test_an_endpoint_that_wants_streams_gets_them(message: str, *, events: bool) -> None:
    seen: list[dict[str, Any]] = []

    async def handle(received: web.Request) -> web.StreamResponse:
        seen.append(await received.json())
        if not seen[-1].get("stream"):
            return web.json_response(said(message), status=400)
        if not events:
            return reply("hello")
        parts = [{"delta": {"content": "he"}}, {"delta": {"content": "llo"}, "finish_reason": "stop"}]
        lines = [f"data: {json.dumps({'choices': [one]})}\n\n" for one in parts]
        usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
        return web.Response(text="".join([*lines, f"data: {json.dumps(usage)}\n\ndata: [DONE]\n\n"]))

    async with served(handle) as url:
        server = Strict(url, seen)
        found = [await server.ask(request()) for _ in range(2)]
        await server.endpoint.aclose()
    assert [one.text for one in found] == ["hello", "hello"]
    assert [bool(sent.get("stream")) for sent in seen] == [False, True, True]
    assert seen[1]["stream_options"] == {"include_usage": True}
    assert found[0].sent is None
    assert found[0].completion_tokens is not None


async def test_thinking_is_switched_off_where_streaming_does_not_help() -> None:
    message = said("parameter.enable_thinking must be set to false for non-streaming calls")
    async with strict(lambda sent: (400, message) if sent.get("enable_thinking") is not False else None) as server:
        found = await server.ask(request())
    assert found.sent is not None
    assert found.sent["enable_thinking"] is False


async def test_stream_options_are_left_out_where_they_are_unknown() -> None:
    def refuses(sent: dict[str, Any]) -> tuple[int, Any] | None:
        if not sent.get("stream"):
            return 400, said("stream=true is required")
        return (400, said("Unknown parameter: 'stream_options'.")) if "stream_options" in sent else None

    async with strict(refuses) as server:
        await server.ask(request())
    assert len(server.bodies) == 3


@pytest.mark.parametrize("status", [400, 404, 422, 500])
async def test_an_unknown_field_of_the_recipe_ends_the_run_with_its_name(status: int) -> None:
    async with strict(without("top_k", status, said("Unknown parameter: 'top_k'.", param="top_k"))) as server:
        with pytest.raises(ModelNotServed, match=r"Unknown parameter.*Take `top_k` out"):
            await server.ask(request(extra_body={"top_k": 5}))
    assert len(server.bodies) == 1


async def test_a_draw_that_failed_its_form_is_drawn_again_in_free_text() -> None:
    failed = said("Failed to generate JSON", code="json_validate_failed")
    async with strict(without("response_format", 400, failed)) as server:
        found = await server.ask(request(schema=True))
        await server.ask(request(schema=True))
    assert ["response_format" in sent for sent in server.bodies] == [True, False, True, False]
    assert found.sent is not None
    assert found.sent["json_schema"] is False


async def test_an_endpoint_that_is_never_content_is_not_asked_for_ever() -> None:
    async with strict(lambda _: (400, said("Unsupported parameter: seed", code="unsupported_parameter"))) as server:
        with pytest.raises(RequestRejected, match="Unsupported parameter"):
            await server.ask(request(seed=3))
    assert len(server.bodies) == 2
