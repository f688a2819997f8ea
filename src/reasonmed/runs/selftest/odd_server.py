"""A stand-in for odd servers: a made-up world behind OpenAI's shape, with oddities by the path of the address.

``http://HOST:PORT/NAME/v1`` is the server of the case ``NAME``; a name that nobody knows, and one that is healed, is a
server without faults.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import web

from reasonmed.backends.scripted import made_up
from reasonmed.exchange import Request
from reasonmed.runs.selftest._asked import messages_of, schema_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from reasonmed.runs.selftest._asked import Body

    Oddity = Callable[["Asked"], "Reply | None"]

_ELSEWHERE = "elsewhere"
_PAUSE = 0.05
_MARK = 60
"""Characters of a question by which its requests are known."""


class Reply(NamedTuple):
    """What an odd server sends."""

    status: int = 200
    body: object = b""
    """Bytes as they are; anything else as JSON."""
    headers: Mapping[str, str] = {}
    first: tuple[bytes, ...] = ()
    """Pieces that come before the body, with a pause after each."""
    cut: bool = False
    """Whether the connection ends in the middle of the body; before the first byte where there is no body."""


class Asked(NamedTuple):
    """A request as an oddity sees it."""

    body: Body
    number: int
    """The how manieth of its model's requests in this case it is, from 1."""
    marked: bool
    """Whether it speaks of the one question that some oddities are about."""
    text: str
    """What a server without faults answers."""
    elsewhere: str
    """An address of another origin, at which nobody must ask."""

    def completion(self, text: str | None = None, finish: object = "stop", **others: object) -> dict[str, object]:
        """A chat completion, with further fields of the message."""
        said = {"role": "assistant", "content": self.text if text is None else text, **others}
        size = sum(len(one["content"]) for one in self.body["messages"])
        usage = {"prompt_tokens": size // 4 + 1, "completion_tokens": len(self.text) // 4 + 1}
        choice = {"index": 0, "message": said, "finish_reason": finish}
        return {"model": self.body["model"], "choices": [choice], "usage": usage}

    @property
    def good(self) -> Reply:
        """The reply of a server without faults."""
        return Reply(200, self.completion())


class OddServer:
    """What it was asked, and how it answers.

    Args:
        oddities: by the names of cases; one that gives None has the request answered well.
        marked: the stem of the question that some oddities are about.
    """

    def __init__(self, oddities: Mapping[str, Oddity], marked: str) -> None:
        self.healed: set[str] = set()
        """Cases whose server has no fault any more."""
        self.odd: Counter[str] = Counter()
        """How often a case's server was odd."""
        self.strayed = 0
        """Requests at the other origin."""
        self.elsewhere = ""
        self._oddities, self._marked = oddities, marked.strip()[:_MARK]
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._schemas: dict[bytes, dict[str, object]] = {}

    async def handle(self, received: web.Request) -> web.StreamResponse:
        """Answer one request."""
        name = received.match_info["name"]
        self.strayed += name == _ELSEWHERE
        if received.method != "POST":
            return web.json_response({"error": {"message": "only POST is answered here"}}, status=405)
        body = await received.json()
        asked = self.read(name, body)
        oddity = None if name in self.healed else self._oddities.get(name)
        reply = oddity(asked) if oddity else None
        if reply is None:
            return await send(received, asked.good)
        self.odd[name] += 1
        return await send(received, reply)

    def read(self, name: str, body: Body) -> Asked:
        """A request of a case as its oddity sees it."""
        self._numbers[name, body["model"]] += 1
        marked = bool(self._marked) and any(self._marked in one["content"] for one in body["messages"])
        return Asked(body, self._numbers[name, body["model"]], marked, self._said(body), self.elsewhere)

    def _said(self, body: Body) -> str:
        """What the made-up world says: the same with and without sampling parameters, with and without a schema."""
        place = blake2b(json.dumps(body["messages"]).encode(), digest_size=12).digest()
        schema = schema_of(body)
        if schema is not None:
            self._schemas[place] = schema
        return made_up(
            Request(model=str(body["model"]), messages=messages_of(body), response_schema=self._schemas.get(place))
        )


async def send(received: web.Request, reply: Reply) -> web.StreamResponse:
    """Send a reply as it is to be sent."""
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    if not reply.cut and not reply.first:
        headers = {"Content-Type": "application/json", **reply.headers}
        return web.Response(status=reply.status, body=body, headers=headers)
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    if body and reply.cut:
        response.content_length = len(body)
        body = body[: len(body) // 2]
    if body:
        await response.prepare(received)
        for piece in reply.first:
            await response.write(piece)
            await asyncio.sleep(_PAUSE)
        await response.write(body)
    if reply.cut and received.transport is not None:
        (received.transport.close if body else received.transport.abort)()
    return response


@asynccontextmanager
async def odd_serving(server: OddServer) -> AsyncIterator[str]:
    """Serve on two ports of loopback; gives the address to which a case's name and ``/v1`` are added."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{name}/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    for _ in range(2):
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    own, other = (port for _, port in runner.addresses)
    server.elsewhere = f"http://127.0.0.1:{other}/{_ELSEWHERE}/v1/chat/completions"
    try:
        yield f"http://127.0.0.1:{own}"
    finally:
        await runner.cleanup()
