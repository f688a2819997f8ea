"""A server that mixes odd answers into good ones, for the soak: the oddities of `selftest --odd`, drawn by a hash.

    python bench/_odd_mix.py [--share 0.06]

Prints its address. What passes by itself is drawn for each try of a request, so that a retry meets something else;
what is about one question is drawn by the number in "(case N)". GET /stats counts, GET /set?... changes how it answers:
``share=0`` ends what is drawn by try, ``credit=0`` answers 402 to everything, ``credit=1`` ends that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web

from reasonmed.runs.selftest.odd_cases import CASES, Case, error
from reasonmed.runs.selftest.odd_ends import SAME
from reasonmed.runs.selftest.odd_server import Asked, OddServer, Reply, send

if TYPE_CHECKING:
    from reasonmed.runs.selftest._asked import Body

LATENCY = 0.02
_PASSING = [case for case in CASES if case.ends is SAME]
_ASIDE = next(case for case in CASES if "firewall" in case.name)
_OF_ONE = [case for case in CASES if case.name.startswith("one question") and case is not _ASIDE]
_ONE_IN = 300
"""Questions of which one is about something that the server refuses."""
_ASIDE_SHARE = 0.0002
_CASE = re.compile(r"\(case (\d+)\)")
_IDENTITY = ("model", "messages", "temperature", "top_p", "max_tokens", "max_completion_tokens")
"""What tells requests apart; the limit's name is learned, so either of the last two may have it."""
_SUCCESS = range(200, 300)
_TAIL = 20
_NO_CREDIT = error(402, "The credit of this account has ended.")


class Mix(OddServer):
    """Answers well, and now and then oddly.

    Args:
        share: of the requests that meet what passes.
    """

    def __init__(self, share: float) -> None:
        super().__init__({}, "")
        self.share, self.credit = share, True
        self.tries: Counter[bytes] = Counter()
        self.given: Counter[bytes] = Counter()
        """Replies in full, by request."""
        self.received = 0
        self.open = 0

    async def handle(self, received: web.Request) -> web.StreamResponse:
        """Answer one request."""
        body = await received.json()
        self.received += 1
        self.open += 1
        try:
            await asyncio.sleep(LATENCY)
            return await self._answer(received, body)
        finally:
            self.open -= 1

    async def _answer(self, received: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if not self.credit:
            self.odd["no credit"] += 1
            return await send(received, _NO_CREDIT)
        mark = blake2b(json.dumps([body[name] for name in _IDENTITY if name in body]).encode(), digest_size=16).digest()
        self.tries[mark] += 1
        case = self._drawn(mark, body)
        asked = self.read("mix", cast("Body", body))._replace(number=1, marked=True)
        reply = case.odd(asked) if case is not None and case.odd is not None else None
        self.odd[case.name if case is not None and reply is not None else "none"] += 1
        reply = reply or asked.good
        response = await send(received, reply)
        self.given.update([mark] if _in_full(asked, reply) else [])
        return response

    def _drawn(self, mark: bytes, body: dict[str, Any]) -> Case | None:
        found = _CASE.search(str(body["messages"]))
        number = int(found[1]) if found else 0
        if number % _ONE_IN == _ONE_IN - 1:
            return _OF_ONE[number // _ONE_IN % len(_OF_ONE)]
        place = int.from_bytes(blake2b(b"%d" % self.tries[mark] + mark, digest_size=8).digest(), "big") / 2**64
        if place < _ASIDE_SHARE * bool(self.share):
            return _ASIDE
        place -= _ASIDE_SHARE
        return _PASSING[int(place / self.share * len(_PASSING))] if 0 <= place < self.share else None

    async def stats(self, _: web.Request) -> web.Response:
        """The counters, by the names of the mock server's where it has them."""
        given = self.given.values()
        return web.json_response(
            {
                "received": self.received,
                "ok": sum(given),
                "distinct_ok": len(given),
                "dup_ok": sum(given) - len(given),
                "inflight": self.open,
                "odd": self.odd,
            }
        )

    async def set(self, received: web.Request) -> web.Response:
        """Change how it answers."""
        self.share = float(received.query.get("share", self.share))
        self.credit = received.query.get("credit", str(int(self.credit))) == "1"
        return web.json_response({})


def _in_full(asked: Asked, reply: Reply) -> bool:
    """Whether a reply brings the whole text, in whatever wrapping: such a reply is paid for."""
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    return reply.status in _SUCCESS and not reply.cut and json.dumps(asked.text)[-_TAIL:-1].encode() in body


async def serve(mix: Mix) -> None:
    """Serve on loopback until the process is ended."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_get("/stats", mix.stats)
    app.router.add_get("/set", mix.set)
    app.router.add_post("/v1/chat/completions", mix.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.06)
    asyncio.run(serve(Mix(parser.parse_args().share)))
