"""A stand-in for a server with a prefix cache, as vLLM has: whole blocks of tokens; the longest unused goes first.

Blocks are known by all text up to their end. Those of requests under way stay; those of a request that has ended are
free, are found as long as nothing took their place, and are given up from the end of the prompt on.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BLOCK = 16
LETTERS = 4
"""Tokens of a block, and letters of a token."""
CHAIN = (
    "The findings point one way.\n\n" + "What speaks for each option was weighed with care. " * 36 + "\n\nAnswer: {}"
)
VERDICT = '{"verdict": "Correct", "reason": "The findings of the case lead to this option."}'


class PrefixCache:
    """Blocks of prompts.

    Args:
        size: blocks that there is room for.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._used: Counter[int] = Counter()
        self._free: dict[int, None] = {}
        """Blocks that nobody uses, the longest unused first."""
        self._written = 0
        """Blocks of replies under way."""
        self.asked = self.hit = 0
        """Tokens of prompts, and those of them that were found."""

    def begin(self, prompt: str, written: int) -> tuple[list[int], int]:
        """A request begins; returns its blocks and how many of its tokens were found."""
        tokens = len(prompt) // LETTERS
        ends = range(BLOCK, tokens, BLOCK)
        blocks = [hash(prompt[: end * LETTERS]) for end in ends]
        found = next((place for place, one in enumerate(blocks) if not self._has(one)), len(blocks))
        for one in blocks:
            self._free.pop(one, None)
            self._used[one] += 1
        self._written += written // BLOCK
        self._make_room()
        self.asked += tokens
        self.hit += found * BLOCK
        return blocks, found * BLOCK

    def end(self, blocks: list[int], written: int) -> None:
        """A request has ended."""
        self._written -= written // BLOCK
        for one in reversed(blocks):
            self._used[one] -= 1
            if not self._used[one]:
                del self._used[one]
                self._free[one] = None

    def _has(self, block: int) -> bool:
        return block in self._used or block in self._free

    def _make_room(self) -> None:
        while self._free and len(self._used) + len(self._free) + self._written > self._size:
            del self._free[next(iter(self._free))]


class Replica:
    """One address: a cache, and replies after a time that is drawn."""

    def __init__(self, blocks: int, seconds: float, seed: int) -> None:
        self.cache, self._seconds, self._dice = PrefixCache(blocks), seconds, random.Random(seed)  # noqa: S311 - no secret
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A chat completion with the number of cached tokens."""
        body = json.loads(await request.read())
        prompt = "\n".join(message["content"] for message in body["messages"])
        judged = "chain_of_thought>" in prompt
        text = VERDICT if judged else CHAIN.format(body["model"][-1])
        written = len(text) // LETTERS
        blocks, found = self.cache.begin(prompt, written)
        await asyncio.sleep(self._seconds * self._dice.uniform(0.5, 1.5) * (0.3 if judged else 1))
        self.cache.end(blocks, written)
        details = {"cached_tokens": found}
        usage = {
            "prompt_tokens": len(prompt) // LETTERS,
            "completion_tokens": written,
            "prompt_tokens_details": details,
        }
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": usage})


@asynccontextmanager
async def replicas(count: int, blocks: int, seconds: float) -> AsyncIterator[list[Replica]]:
    """Several addresses of one model."""
    made = [Replica(blocks, seconds, seed) for seed in range(count)]
    runners = []
    for one in made:
        app = web.Application()
        app.router.add_post("/{path:.*}", one.answer)
        runner = web.AppRunner(app, access_log=None)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield made
    finally:
        for runner in runners:
            await runner.cleanup()
