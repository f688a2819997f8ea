"""A server of OpenAI's shape that injects faults. What it answers and how it fails is a hash of request and attempt."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING

from aiohttp import web

from reasonmed.backends.scripted import made_up
from reasonmed.exchange import Request
from reasonmed.runs.selftest._asked import messages_of, schema_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from reasonmed.runs.selftest._asked import Body

FAULTS = {
    "429": 0.05,
    "500": 0.02,
    "dropped": 0.01,
    "truncated": 0.01,
    "malformed": 0.01,
    "slow": 0.01,
}
"""Faults by name, with their default shares of the requests."""

BROKEN = 0.02
"""The share of requests that are answered with broken JSON where JSON was asked for. It hangs on the request alone:
what a model answers is not a matter of how often the connection broke."""

_RETRY_AFTER = "0.2"
_SLOW = 1.0


class FaultyServer:
    """What it has seen, and how it answers.

    Args:
        shares: the share of each fault.
        latency: seconds that an answer takes.
        seed: draws the faults.
    """

    def __init__(self, shares: Mapping[str, float], latency: float, seed: int = 0) -> None:
        self.shares, self.latency, self.seed = dict(shares), latency, seed
        self.faults: Counter[str] = Counter()
        self.received = self.answered = 0
        self.open = self.most_open = 0
        self._attempts: Counter[bytes] = Counter()

    async def handle(self, received: web.Request) -> web.StreamResponse:
        """Answer one request, or fail at it."""
        if not received.path.endswith("/chat/completions"):
            return web.json_response({"data": [{"id": "any", "max_model_len": 131072}]})
        body = await received.read()
        mark = blake2b(body, digest_size=12).digest()
        self.received += 1
        self._attempts[mark] += 1
        fault = self._draw(body, self._attempts[mark])
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(self.latency + (_SLOW if fault == "slow" else 0))
            return await self._respond(received, body, fault)
        finally:
            self.open -= 1

    def _place(self, body: bytes, attempt: int) -> float:
        drawn = blake2b(b"%d %d " % (self.seed, attempt) + body, digest_size=8).digest()
        return int.from_bytes(drawn, "big") / 2**64

    def _draw(self, body: bytes, attempt: int) -> str | None:
        place = self._place(body, attempt)
        for fault, share in self.shares.items():
            if place < share:
                return fault
            place -= share
        return None

    async def _respond(self, received: web.Request, body: bytes, fault: str | None) -> web.StreamResponse:
        if fault is not None:
            self.faults[fault] += 1
        if fault == "429":
            told = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
            return web.json_response(told, status=429, headers={"Retry-After": _RETRY_AFTER})
        if fault == "500":
            return web.json_response({"error": {"message": "the server had an error"}}, status=500)
        if fault == "dropped" and received.transport is not None:
            received.transport.abort()
            return web.Response()
        answer = json.dumps(_completion(json.loads(body), broken=self._place(body, 0) < BROKEN)).encode()
        if fault == "malformed":
            return web.Response(body=answer[:-30] + b'"', content_type="application/json")
        if fault == "truncated":
            return await _half(received, answer)
        self.answered += 1
        return web.Response(body=answer, content_type="application/json")


async def _half(received: web.Request, answer: bytes) -> web.StreamResponse:
    """Half of a body, then the connection closes."""
    response = web.StreamResponse(headers={"Content-Length": str(len(answer)), "Content-Type": "application/json"})
    await response.prepare(received)
    await response.write(answer[: len(answer) // 2])
    if received.transport is not None:
        received.transport.close()
    return response


def _completion(body: Body, *, broken: bool) -> dict[str, object]:
    """What the made-up world says to a request, as a chat completion; broken JSON where a judge is asked to stumble."""
    messages, schema = messages_of(body), schema_of(body)
    text = made_up(Request(model=str(body["model"]), messages=messages, response_schema=schema))
    if broken and schema is not None:
        text = f"Here is what I think: {text[: len(text) // 2]}"
    size = sum(len(message.content) for message in messages)
    usage = {"prompt_tokens": size // 4 + 1, "completion_tokens": len(text) // 4 + 1}
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}


@asynccontextmanager
async def serving(server: FaultyServer) -> AsyncIterator[str]:
    """Serve on loopback; gives the base URL."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
