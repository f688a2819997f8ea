"""Stand-ins for providers of batch jobs: real servers on loopback, a clock that tests move, and troubles on demand.

Both answer online too, with the same words for the same request, and count what is paid for.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from aiohttp import web

from reasonmed.backends.scripted import made_up
from reasonmed.exchange import Message, Request, SamplingParameters
from support import served

MINUTE, DAY = 60.0, 86_400.0
Fate = Callable[[int, int, dict[str, Any]], str]
"""What becomes of a line, by the number of its batch, its place and its body: ``ok``, ``lost``, ``twice``, ``torn``,
``filter``, ``rejected``, ``key``, ``busy``, ``broken`` or ``untried``."""


class MovedClock:
    """A clock that goes as fast as nobody has to wait."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0.002)


@dataclass
class Batch:
    """A batch at a stand-in."""

    id: str
    created: float
    lines: list[tuple[str, dict[str, Any]]]
    extra: dict[str, Any] = field(default_factory=dict)
    canceled: bool = False
    results: list[bytes] | None = None
    errors: list[bytes] | None = None


class Provider:
    """What both stand-ins have in common.

    Args:
        now: the time.
        takes: seconds that a batch takes.
    """

    kind = ""

    def __init__(self, now: Callable[[], float], takes: float = MINUTE) -> None:
        self.now, self.takes = now, takes
        self.batches: dict[str, Batch] = {}
        self.files: dict[str, bytes] = {}
        self.paid: Counter[str] = Counter()
        """Replies by request, online and in batches."""
        self.online = 0
        self.fate: Fate = lambda _batch, _place, _body: "ok"
        self.fails: Callable[[int], dict[str, Any] | None] = lambda _batch: None
        """The error with which a batch fails as a whole."""
        self.keys: set[str] = set()
        self.paths: list[str] = []
        self.before: Callable[[str], web.Response | None] = lambda _: None
        """Called before a request is answered, with method and path; may answer in its place."""
        self.after: Callable[[str], None] = lambda _: None
        """Called when a request has had its effect and is not answered yet."""

    def reply(self, body: dict[str, Any]) -> tuple[str, int]:
        """What is said to a request, which is paid for, and its size in tokens."""
        self.paid[blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=8).hexdigest()] += 1
        asked = asked_of(body)
        return made_up(asked), sum(len(message.content) for message in asked.messages) // 4 + 1

    def run(self, batch: Batch) -> None:
        """Do the work of a batch."""
        number = [*self.batches].index(batch.id)
        batch.results, batch.errors = [], []
        for place, (name, body) in enumerate(batch.lines):
            fate = "untried" if batch.canceled and place % 2 else self.fate(number, place, body)
            if fate in ("ok", "lost", "twice", "torn"):
                line = json.dumps(self.line(name, body)).encode()
                kept = {"ok": [line], "lost": [], "twice": [line, line], "torn": [line[: len(line) // 2]]}[fate]
                batch.results += kept
            else:
                batch.errors.append(json.dumps(self.error(name, fate)).encode())
        batch.results.reverse()

    def line(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def error(self, name: str, fate: str) -> dict[str, Any]:
        raise NotImplementedError

    def seen(self, batch: Batch) -> Batch:
        """A batch as it is now."""
        if batch.results is None and (batch.canceled or self.now() >= batch.created + self.takes):
            self.run(batch)
        return batch

    async def handle(self, received: web.Request) -> web.StreamResponse:
        what = f"{received.method} {received.path}"
        self.paths.append(f"{received.method} {received.path_qs}")
        self.keys.add(received.headers.get("Authorization", received.headers.get("x-api-key", "")))
        early = self.before(what)
        if early is not None:
            return early
        answer = await self.answer(received)
        self.after(what)
        return answer

    async def answer(self, received: web.Request) -> web.StreamResponse:
        raise NotImplementedError


class OpenAIStandIn(Provider):
    """``/files``, ``/batches`` and ``/chat/completions``, also at Azure's addresses."""

    kind = "openai"

    async def answer(self, received: web.Request) -> web.StreamResponse:
        parts = received.path.strip("/").split("/")
        if parts[-2:] == ["chat", "completions"]:
            self.online += 1
            return web.json_response(self.completion(await received.json()))
        if parts[-1] == "files":
            return await self.put_up(received)
        if "files" in parts:
            return self.file(parts[parts.index("files") + 1], content=parts[-1] == "content")
        if parts[-1] == "batches":
            if received.method == "POST":
                return self.begin(await received.json())
            newest = [self.told(batch) for batch in reversed(self.batches.values())]
            return web.json_response({"object": "list", "data": newest, "has_more": False})
        batch = self.batches[parts[parts.index("batches") + 1]]
        batch.canceled = batch.canceled or (parts[-1] == "cancel" and batch.results is None)
        return web.json_response(self.told(batch))

    async def put_up(self, received: web.Request) -> web.StreamResponse:
        form = await received.post()
        assert form["purpose"] == "batch"
        content = form["file"].file.read()  # type: ignore[union-attr]
        name = f"file-{len(self.files) + 1}"
        self.files[name] = content
        return web.json_response({"id": name, "object": "file", "bytes": len(content), "status": "processed"})

    def file(self, name: str, *, content: bool) -> web.StreamResponse:
        if not content:
            return web.json_response({"id": name, "status": "processed"})
        batch, _, kind = name.partition(".")
        lines = self.batches[batch].results if kind == "out" else self.batches[batch].errors
        return web.Response(body=b"".join(line + b"\n" for line in lines or ()))

    def begin(self, asked: dict[str, Any]) -> web.StreamResponse:
        lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert {line["url"] for line in lines} == {asked["endpoint"]}
        assert len({line["custom_id"] for line in lines}) == len(lines)
        batch = Batch(f"batch_{len(self.batches) + 1}", self.now(), [(one["custom_id"], one["body"]) for one in lines])
        batch.extra = {"metadata": asked["metadata"], "input_file_id": asked["input_file_id"]}
        self.batches[batch.id] = batch
        return web.json_response(self.told(batch))

    def told(self, batch: Batch) -> dict[str, Any]:
        failed = self.fails([*self.batches].index(batch.id))
        if failed is not None:
            errors = {"object": "list", "data": [failed]}
            return {"id": batch.id, "object": "batch", "status": "failed", "errors": errors, **batch.extra}
        self.seen(batch)
        done = batch.results is not None
        status = "in_progress" if not done else "cancelled" if batch.canceled else "completed"
        if any(b"batch_expired" in line for line in batch.errors or ()):
            status = "expired"
        return {
            "id": batch.id,
            "object": "batch",
            "status": status,
            "created_at": int(batch.created),
            "output_file_id": f"{batch.id}.out" if batch.results else None,
            "error_file_id": f"{batch.id}.err" if batch.errors else None,
            "request_counts": {
                "total": len(batch.lines),
                "completed": len(batch.results or ()),
                "failed": len(batch.errors or ()),
            },
            **batch.extra,
        }

    def completion(self, body: dict[str, Any]) -> dict[str, Any]:
        text, size = self.reply(body)
        usage = {"prompt_tokens": size, "completion_tokens": len(text) // 4 + 1}
        message = {"role": "assistant", "content": text}
        return {
            "model": "served-m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": usage,
        }

    def line(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        response = {"status_code": 200, "request_id": "r", "body": self.completion(body)}
        return {"id": "batch_req", "custom_id": name, "response": response, "error": None}

    def error(self, name: str, fate: str) -> dict[str, Any]:
        if fate == "untried":
            error = {"code": "batch_expired", "message": "This request could not be executed before it expired."}
            return {"id": "batch_req", "custom_id": name, "response": None, "error": error}
        status, told = {
            "filter": (400, {"message": "blocked", "code": "content_filter"}),
            "rejected": (400, {"message": "the request is malformed", "type": "invalid_request_error"}),
            "key": (401, {"message": "Incorrect API key provided", "code": "invalid_api_key"}),
            "busy": (429, {"message": "slow down", "code": "rate_limit_exceeded"}),
            "broken": (500, {"message": "the server had an error"}),
            "no_top_p": (400, {"message": "Unsupported parameter: 'top_p'", "param": "top_p"}),
        }[fate]
        return {"custom_id": name, "response": {"status_code": status, "body": {"error": told}}, "error": None}


class AnthropicStandIn(Provider):
    """``/v1/messages`` and ``/v1/messages/batches``."""

    kind = "anthropic"

    async def answer(self, received: web.Request) -> web.StreamResponse:
        parts = received.path.strip("/").split("/")
        if parts[-1] == "messages":
            self.online += 1
            return web.json_response(self.message(await received.json()))
        if parts[-1] == "batches" and received.method == "POST":
            asked = (await received.json())["requests"]
            name = f"msgbatch_{len(self.batches) + 1}"
            self.batches[name] = Batch(name, self.now(), [(one["custom_id"], one["params"]) for one in asked])
            return web.json_response(self.told(self.batches[name]))
        if parts[-1] == "batches":
            newest = [self.told(batch) for batch in reversed(self.batches.values())]
            return web.json_response({"data": newest, "has_more": False})
        batch = self.batches[parts[parts.index("batches") + 1]]
        if parts[-1] == "results":
            lines = [*(batch.results or ()), *(batch.errors or ())]
            return web.Response(body=b"".join(line + b"\n" for line in lines))
        batch.canceled = batch.canceled or (parts[-1] == "cancel" and batch.results is None)
        return web.json_response(self.told(batch))

    def told(self, batch: Batch) -> dict[str, Any]:
        self.seen(batch)
        done = batch.results is not None
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if done else "in_progress",
            "created_at": stamp(batch.created),
            "request_counts": {
                "processing": 0 if done else len(batch.lines),
                "succeeded": len(batch.lines) - len(batch.errors or ()) if done else 0,
                "errored": len(batch.errors or ()),
                "canceled": 0,
                "expired": 0,
            },
            "results_url": "https://elsewhere.example/results" if done else None,
        }

    def message(self, body: dict[str, Any]) -> dict[str, Any]:
        text, size = self.reply(body)
        return {
            "type": "message",
            "role": "assistant",
            "model": "served-m",
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": size, "output_tokens": len(text) // 4 + 1},
        }

    def line(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return {"custom_id": name, "result": {"type": "succeeded", "message": self.message(body)}}

    def error(self, name: str, fate: str) -> dict[str, Any]:
        if fate == "untried":
            return {"custom_id": name, "result": {"type": "expired"}}
        kind = {
            "rejected": "invalid_request_error",
            "filter": "invalid_request_error",
            "key": "authentication_error",
            "busy": "overloaded_error",
            "broken": "api_error",
        }[fate]
        said = "blocked by content filtering policy" if fate == "filter" else "no"
        error = {"type": "error", "error": {"type": kind, "message": said}}
        return {"custom_id": name, "result": {"type": "errored", "error": error}}


def stamp(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).isoformat()


def asked_of(body: dict[str, Any]) -> Request:
    """A body of either API as a request."""
    form = body.get("response_format", {}).get("json_schema") or body.get("output_config", {}).get("format") or {}
    schema = form.get("schema")
    if "score" in (schema or {}).get("properties", {}):
        schema = {"properties": {"score": {"minimum": 1, "maximum": 5}}}
    drawn = SamplingParameters(body.get("temperature"))
    messages = tuple(Message(one["role"], one["content"]) for one in body["messages"])
    return Request(model="m", messages=messages, sampling=drawn, response_schema=schema)


@asynccontextmanager
async def standing_in(provider: Provider) -> AsyncIterator[str]:
    """Serve on loopback; gives the address."""
    async with served(provider.handle, 512 << 20) as url:
        yield url.removesuffix("/v1")


@contextmanager
def standing_in_thread(provider: Provider) -> Iterator[str]:
    """The same in a thread, for command lines in processes of their own."""
    ready, address = threading.Event(), ""
    loop, done = asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        nonlocal address
        async with standing_in(provider) as address:
            ready.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join()
        loop.close()


def entry(provider: Provider, address: str, **batch: Any) -> dict[str, Any]:
    """A model entry for a stand-in; with options of its batches, or without any where ``off`` is given."""
    options: Any = False if batch.pop("off", False) else batch or True
    price = {"input": 1.0, "output": 2.0, "batch": 0.5}
    common = {"backend": provider.kind, "model": "m", "batch": options, "price": price, "json_schema": True}
    if provider.kind == "anthropic":
        return {**common, "base_url": address, "api_key_env": None}
    return {**common, "base_url": f"{address}/v1"}
