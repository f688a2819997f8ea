from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.backends import openai
from reasonmed.backends._finish import finish_of
from reasonmed.backends._wire import UnknownFinish, choice_of, completion_of, read_reply
from reasonmed.errors import CredentialRejected, Overloaded, RequestRejected, Unreachable
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from support import served as serving

TEXT = "The valve is narrow. Answer: B"
REQUEST = Request(model="m", messages=(Message("user", "Which?"),), sampling=SamplingParameters(0.0, None, 50))


def body(
    finish: Any = "stop", usage: Any = None, choice: dict[str, Any] | None = None, **message: Any
) -> dict[str, Any]:
    said = {"role": "assistant", "content": TEXT, **message}
    return {"choices": [{"message": said, "finish_reason": finish, **(choice or {})}], "usage": usage, "model": "m-2"}


def read(raw: bytes | dict[str, Any], limit: int | None = None) -> Completion | None:
    reply = read_reply(raw if isinstance(raw, bytes) else json.dumps(raw).encode())
    choice = choice_of(reply) if reply else None
    return completion_of(reply, choice, limit) if reply and choice else None


def whole(raw: bytes | dict[str, Any], limit: int | None = None) -> Completion:
    found = read(raw, limit)
    assert found is not None
    return found


async def answered(
    raw: bytes, status: int = 200, most_mb: float | None = None, headers: dict[str, str] | None = None
) -> Completion:
    """What the back end makes of these bytes."""

    async def handle(_: web.Request) -> web.StreamResponse:
        return web.Response(body=raw, status=status, headers={"Content-Type": "application/json", **(headers or {})})

    async with serving(handle) as url:
        entry = {"backend": "openai", "base_url": url, "model": "m", "limits": {"max_reply_mb": most_mb}}
        endpoint = openai.connect(openai.Settings.model_validate(entry), 1)
        try:
            return await endpoint.complete(REQUEST)
        finally:
            await endpoint.aclose()


@pytest.mark.parametrize("reason", ["stop", "STOP", "eos_token", "end_turn", "FINISH_REASON_STOP", {"type": "stop"}])
def test_a_reply_is_whole_for_reasons_known_to_be_whole(reason: Any) -> None:
    assert whole(body(reason)).finish_reason == "stop"


@pytest.mark.parametrize(
    "reason", ["length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens", "token_limit", "truncated"]
)
def test_a_reply_is_cut_for_every_name_of_a_limit(reason: str) -> None:
    assert whole(body(reason)).cut


@pytest.mark.parametrize("reason", ["content_filter", "SAFETY", "sensitive", "PROHIBITED_CONTENT", "refusal", "SPII"])
def test_a_reply_is_filtered_for_every_name_of_a_filter(reason: str) -> None:
    assert whole(body(reason)).finish_reason == "content_filter"


@pytest.mark.parametrize("reason", ["abort", "error", "cancelled", "insufficient_system_resource", "OTHER", "?", 7])
def test_a_reply_that_ended_for_an_unknown_reason_is_none(reason: Any) -> None:
    with pytest.raises(UnknownFinish):
        read(body(reason))


@pytest.mark.parametrize("reason", [None, ""])
def test_a_reply_without_a_reason_is_whole_unless_it_reaches_the_limit(reason: str | None) -> None:
    usage = {"completion_tokens": 50}
    assert whole(body(reason, usage)).finish_reason == "stop"
    assert whole(body(reason, usage), 51).finish_reason == "stop"
    assert whole(body(reason, usage), 50).cut


@pytest.mark.parametrize(
    ("usage", "timings", "cached"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 64}}, None, 64),
        ({"prompt_tokens_details": {"cached_tokens": 0}}, {"cache_n": 9}, 0),
        ({"prompt_tokens_details": None}, None, None),
        ({"prompt_cache_hit_tokens": 32, "prompt_cache_miss_tokens": 68}, None, 32),
        ({}, {"cache_n": 80, "prompt_n": 20}, 80),
        ({}, {"prompt_n": 20}, 80),
        ({}, {"prompt_n": 120}, 0),
        ({"prompt_tokens_details": {"cached_tokens": 10**6}}, None, 100),
        ({"prompt_tokens_details": {"cached_tokens": "many"}}, "none", None),
        ({}, None, None),
    ],
)
def test_tokens_from_the_prefix_cache_are_read_where_a_server_tells_and_never_exceed_the_prompt(
    usage: dict[str, Any], timings: Any, cached: int | None
) -> None:
    told = {"prompt_tokens": 100, "completion_tokens": 4, **usage}
    assert whole({**body(usage=told), "timings": timings}).cached_tokens == cached


def test_a_reply_that_calls_a_tool_says_nothing() -> None:
    assert whole(body("tool_calls")).text == ""


def test_a_providers_own_reason_cuts_what_a_proxy_calls_whole() -> None:
    assert whole(body("stop", choice={"native_finish_reason": "MAX_TOKENS"})).cut
    assert whole(body("stop", choice={"native_finish_reason": "whatever"})).finish_reason == "stop"


@pytest.mark.parametrize(
    ("usage", "prompt", "written"),
    [
        ({"prompt_tokens": 12.0, "completion_tokens": "30"}, 12, 30),
        ({"prompt_tokens": 12, "completion_tokens": 29.2}, 12, 30),
        ({"prompt_tokens": -1, "completion_tokens": -7}, None, None),
        ({"prompt_tokens": 10**25, "completion_tokens": 10**500}, None, None),
        ({"prompt_tokens": float("nan"), "completion_tokens": float("inf")}, None, None),
        ({"prompt_tokens": 0, "completion_tokens": 0}, None, None),
        ({"prompt_tokens": True, "completion_tokens": [1]}, None, None),
        ({"input_tokens": 3, "output_tokens": 4}, 3, 4),
        (
            {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": 5, "completion_tokens_details": "x"},
            3,
            4,
        ),
        ([], None, None),
        ("many", None, None),
    ],
)
def test_no_reply_is_lost_for_its_counts(usage: Any, prompt: int | None, written: int | None) -> None:
    found = whole(json.dumps(body(usage=usage)).encode() if 10**500 not in _values(usage) else _huge(usage))
    assert (found.text, found.prompt_tokens, found.completion_tokens) == (TEXT, prompt, written)


def _values(usage: Any) -> list[Any]:
    return list(usage.values()) if isinstance(usage, dict) else []


def _huge(usage: dict[str, Any]) -> bytes:
    return json.dumps(body(usage={**usage, "completion_tokens": 4711})).replace("4711", "1" + "0" * 5000).encode()


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning": {"content": "hm"}},
        {"reasoning": [{"text": "h"}, {"text": "m"}]},
        {"reasoning_content": "hm", "reasoning": "other"},
        {"reasoning": None, "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": TEXT},
            ]
        },
    ],
)
def test_thinking_is_read_in_every_shape(message: dict[str, Any]) -> None:
    found = whole(body(**message))
    assert (found.text, found.reasoning) == (TEXT, "hm")


PLAIN = json.dumps(body())


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + PLAIN.encode(),
        b": keep-alive\n\n: PROCESSING\n\n" + PLAIN.encode(),
        b"\n\n  " + PLAIN.encode() + b"\n\ndata: [DONE]",
        PLAIN.encode("utf-16"),
        PLAIN.replace('"m-2"', "NaN").encode(),
        f"data: {PLAIN}\n\ndata: [DONE]\n\n".encode(),
        f"event: message\r\ndata: {PLAIN}\r\n\r\n".encode(),
    ],
)
def test_a_reply_is_read_out_of_what_servers_put_around_it(raw: bytes) -> None:
    assert whole(raw).text == TEXT


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (b"\\ud83d valve", "\ufffd valve"),
        (b"\xff valve", "\ufffd valve"),
        (b"\n valve", "\n valve"),
        (b"\\u0000", "\0"),
    ],
)
def test_broken_characters_cost_no_reply(written: bytes, read_as: str) -> None:
    found = whole(PLAIN.encode().replace(b"The valve", written))
    assert read_as in found.text
    found.text.encode()


@pytest.mark.parametrize(
    ("model", "served"),
    [
        ("m-2", "m-2"),
        ("org/m-2", "org/m-2"),
        ("/srv/models/m-2.gguf", "m-2.gguf"),
        ("C:\\m\\m-2", "m-2"),
        (7, None),
        ("", None),
    ],
)
def test_the_served_name_is_kept_without_a_path(model: Any, served: str | None) -> None:
    assert whole({**body(), "model": model}).served == served


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **others: Any) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return f"data: {json.dumps({'choices': choices, 'model': 'm-2', **others})}\n\n"


STREAM = [
    chunk({"role": "assistant", "content": ""}),
    ": ping\n\n",
    chunk({"reasoning_content": "h"}),
    chunk({"reasoning_content": "m", "content": None}),
    chunk({"content": TEXT[:9]}),
    chunk({"content": TEXT[9:]}),
    chunk({}, "stop"),
    chunk(usage={"prompt_tokens": 5, "completion_tokens": 6}),
    "data: [DONE]\n\n",
]


def test_a_stream_is_put_together() -> None:
    found = whole("".join(STREAM).encode())
    assert found == Completion(TEXT, "hm", "stop", 5, None, 6, served="m-2")


@pytest.mark.parametrize("length", range(1, 7))
def test_a_stream_that_breaks_off_is_no_reply(length: int) -> None:
    assert read("".join(STREAM[:length]).encode()) is None


def test_a_stream_torn_inside_an_event_is_no_reply() -> None:
    raw = "".join(STREAM).encode()
    assert read(raw[: raw.index(b"valve")]) is None


async def test_an_error_in_a_stream_is_the_error() -> None:
    broken = "".join(STREAM[:5]) + 'data: {"error": {"message": "node is gone", "code": 502}}\n\n'
    with pytest.raises(Unreachable, match="node is gone"):
        await answered(broken.encode())


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ({"error": {"message": "upstream went away", "code": 502}}, Unreachable),
        ({"error": {"message": "half a text", "code": 400}}, Unreachable),
        ({"error": {"message": "slow", "code": 429}}, Overloaded),
        ({"error": {"message": "who?", "code": 401}}, CredentialRejected),
    ],
)
async def test_a_text_with_an_error_beside_it_is_no_reply(choice: dict[str, Any], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await answered(json.dumps(body(choice=choice)).encode())


@pytest.mark.parametrize("error", [None, {}, "", False, {"message": "", "code": None}])
async def test_an_empty_error_beside_a_text_is_none(error: Any) -> None:
    assert (await answered(json.dumps({**body(), "error": error}).encode())).text == TEXT


@pytest.mark.parametrize("status", [200, 201, 202, 206])
async def test_every_success_with_choices_is_a_reply(status: int) -> None:
    assert (await answered(PLAIN.encode(), status)).text == TEXT


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        b"null",
        b"[]",
        b'"text"',
        b'{"status": "pending"}',
        b"<html>portal</html>",
        b'{"choices": [{"text": "x"}]}',
    ],
)
async def test_a_success_without_a_message_is_asked_again(raw: bytes) -> None:
    with pytest.raises(Unreachable):
        await answered(raw, 202)


async def test_a_long_header_line_costs_no_reply() -> None:
    assert (await answered(PLAIN.encode(), headers={"X-Debug": "a" * 20_000})).text == TEXT


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(PLAIN.encode())),
        ("gzip", gzip.compress(PLAIN[:20].encode()) + gzip.compress(PLAIN[20:].encode())),
        ("deflate", zlib.compress(PLAIN.encode())),
        ("deflate", zlib.compress(PLAIN.encode(), wbits=-15)),
    ],
)
async def test_packed_bodies_are_unpacked(encoding: str, packed: bytes) -> None:
    assert (await answered(packed, headers={"Content-Encoding": encoding})).text == TEXT


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", PLAIN.encode()),
        ("gzip", gzip.compress(PLAIN.encode())[:-12]),
        ("br", b"\x0b\x02"),
        ("zstd", b"\x28\xb5"),
    ],
)
async def test_bodies_that_cannot_be_unpacked_are_asked_again(encoding: str, packed: bytes) -> None:
    with pytest.raises(Unreachable):
        await answered(packed, headers={"Content-Encoding": encoding})


async def test_a_body_is_bounded_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    with pytest.raises(Unreachable, match="max_reply_mb"):
        await answered(bomb, most_mb=0.1, headers={"Content-Encoding": "gzip"})
    with pytest.raises(Unreachable, match=r"more than 0\.001 MB"):
        await answered(b" " * 5000 + PLAIN.encode(), most_mb=0.001)


async def test_a_long_error_page_is_read_as_far_as_the_bound() -> None:
    with pytest.raises(RequestRejected, match="too much"):
        await answered(b"too much " * 5000, 400, most_mb=0.001)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_body_brings_the_reader_down(raw: bytes) -> None:
    for candidate in (raw, PLAIN.encode()[:40] + raw, b'{"choices": [{"message": ' + raw + b"}]}", b"data: " + raw):
        reply = read_reply(candidate)
        choice = choice_of(reply) if reply else None
        if reply and choice:
            try:
                completion_of(reply, choice)
            except UnknownFinish:
                continue


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["content", "text", "type", "error", "code", "message", "prompt_tokens"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(message=JSON, finish=JSON, usage=JSON, error=JSON)
def test_no_field_of_a_reply_brings_the_reader_down(message: Any, finish: Any, usage: Any, error: Any) -> None:
    reply = {"choices": [{"message": message, "finish_reason": finish}], "usage": usage, "error": error, "model": error}
    try:
        read(json.dumps(reply).encode())
    except UnknownFinish:
        assert finish_of(finish) is None
