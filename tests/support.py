"""Builders that many tests use: questions, teams on scripted replies, recipes."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from reasonmed import recipe as recipes
from reasonmed.backends.scripted import Scripted, made_up
from reasonmed.exchange import Completion, Request
from reasonmed.pipeline.team import Team, assemble
from reasonmed.recipe.options import Recipe
from reasonmed.types import ChainOfThought, Question, Story, Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

WORDS = " ".join(f"word{number}" for number in range(90))
"""Enough words for a chain of thought to stand on its own."""


def question(name: str = "q1", answer: int | None = 1, **others: Any) -> Question:
    return Question(name, "Which drug?", ("Heparin", "Warfarin", "Aspirin", "Alteplase"), answer, **others)


def prose(choice: str) -> str:
    return f"{WORDS}\n\nAnswer: {choice}"


def own_prose(choice: str) -> Callable[[Request], str]:
    """Prose of its own for each request, as a model that samples writes it."""
    return lambda request: f"Reading {request.key.hex()}. {prose(choice)}"


def verdict(outcome: str = "Correct", reason: str = "because") -> str:
    return json.dumps({"verdict": outcome, "reason": reason})


def score(points: int) -> str:
    return json.dumps({"score": points, "justification": "so it is"})


def recipe(**stages: dict[str, Any] | None) -> Recipe:
    """The scripted recipe with some options changed; None takes a stage out."""
    import yaml

    from reasonmed.recipe.shipped import resource

    content = yaml.safe_load(resource("recipes", "scripted.yaml").read_text(encoding="utf-8"))
    for name, options in stages.items():
        if options is not None:
            content["stages"][name] = {**content["stages"].get(name, {}), **options}
        else:
            content["stages"].pop(name, None)
    return recipes.parse(json.dumps(content), "test")


class Script:
    """Replies by stage: a text, a list of texts by order of asking, or a function. Remembers what was asked."""

    def __init__(self, **replies: str | Completion | Exception | list[Any] | Callable[[Request], Any]) -> None:
        self.replies = replies
        self.asked: list[Request] = []
        self._counts: Counter[str] = Counter()

    def __call__(self, request: Request) -> Completion | str:
        self.asked.append(request)
        reply: Any = self.replies.get(request.stage, made_up)
        if isinstance(reply, list):
            reply = reply[min(self._counts[request.stage], len(reply) - 1)]
        self._counts[request.stage] += 1
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, Exception):
            raise reply
        found: Completion | str = reply
        return found

    def of(self, stage: str) -> list[Request]:
        return [request for request in self.asked if request.stage == stage]


def team(script: Callable[[Request], Completion | str] = made_up, **stages: dict[str, Any] | None) -> Team:
    """A team of the scripted recipe, answered by a function, without a ledger."""
    made = recipe(**stages)
    backend = Scripted(script)
    return assemble(made, dict.fromkeys(made.models, backend))


def chain(
    text: str = "",
    answer: int | None = 1,
    outcome: str | None = "correct",
    reason: str = "why",
    **others: Any,
) -> ChainOfThought:
    judged = None if outcome is None else Verdict(outcome, reason, "judge")  # type: ignore[arg-type]
    return ChainOfThought(text or prose("B"), others.pop("model", "m"), answer, verdict=judged, **others)


def judged_story(outcomes: str, *, answer: int | None = 1) -> Story:
    """A story from letters: c correct, e error, u undecided, m missing."""
    names = {"c": "correct", "e": "error", "u": "undecided"}
    chains = [
        ChainOfThought("", "m", missing="empty")
        if one == "m"
        else chain(
            f"text {index} {WORDS}", answer if one == "c" else 0, names[one], f"reason {index}", model=f"m{index % 3}"
        )
        for index, one in enumerate(outcomes)
    ]
    return Story(question(answer=answer), tuple(chains))


@asynccontextmanager
async def served(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], most_bytes: int = 1 << 20
) -> AsyncIterator[str]:
    """A real HTTP server on loopback that answers every path; gives its base URL."""
    app = web.Application(client_max_size=most_bytes)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        await runner.cleanup()


def reply(text: str = "hello", **others: Any) -> web.Response:
    """A chat completion as servers send it."""
    finish = others.pop("finish_reason", "stop")
    usage = others.pop("usage", {"prompt_tokens": 10, "completion_tokens": 5})
    message = {"role": "assistant", "content": text, **others}
    return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage})


def texts(requests: Sequence[Request]) -> str:
    return "\n".join(message.content for request in requests for message in request.messages)


def texts_of_request(request: Request) -> str:
    return texts([request])


def document(path: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
