"""Replies from a file or a function: for tests, docs and dry runs. No model, no network.

A file is JSON Lines, one rule a line; the first rule that fits a request answers it:
``{"stage": "verify", "model": "judge", "contains": "nitrates", "reply": "..."}``. All conditions are optional.
Instead of ``reply`` a rule may have ``replies`` (one an attempt, the last repeats), ``reasoning``,
``finish_reason`` and ``error`` (``overloaded``, ``unreachable``, ``context``, ``filter`` or ``bad_request``).
Without a file, a small made-up world answers: see ``made_up``.
"""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from pydantic import Field

from reasonmed.backends import ModelSettings
from reasonmed.backends._prices import FREE, Price
from reasonmed.documents import Refused, json_as, reason, small_file
from reasonmed.errors import Overloaded, ReasonMedError, RequestRejected, Unreachable
from reasonmed.exchange import Completion, Request
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Callable

    Replier = Callable[[Request], Completion | str]


EXAMPLES: dict[str, Callable[[Request, str, int], str]] = {}
"""What the made-up world answers a stage, by what its requests are recorded under; the table of stages fills this.

Each is given the request, the option that the world answers, and a number that only the request decides.
"""
_SIGNS = (
    *("a fever", "a rash", "the pulse", "a cough", "the gait", "a tremor", "the weight", "a murmur"),
    *("the urine", "a swelling", "the pupils", "the skin", "a headache", "the breath", "an ulcer", "the voice"),
)
_LEADS = ("would point to", "would speak against", "would be weighed with", "would follow from")
_PLACES = (
    *("the liver", "the heart", "both kidneys", "the thyroid", "a nerve", "the marrow", "the lungs", "a vessel"),
    *("the spleen", "an enzyme", "the pancreas", "a vitamin", "the joints", "an antibody", "the brain", "a toxin"),
)
"""Of the made-up world: prose that passes for reasoning and is none."""
_MOST_BYTES = 256 << 20
"""Bytes of a file of replies."""


class Settings(ModelSettings):
    """A model that answers from a script."""

    model: str = "scripted"
    """The name that requests and records carry."""
    replies: Path | None = None
    """A JSON Lines file of rules."""
    function: str | None = Field(None, pattern=r"^[\w.]+:\w+$")
    """A function of your own, as ``module:name``: Request in, text or Completion out."""

    @property
    def identity(self) -> str:
        """The name."""
        return self.model

    @property
    def priced(self) -> Price | None:
        """Nothing to pay, unless the recipe says so."""
        return self.price or FREE

    @property
    def demo(self) -> bool:
        """Scripted replies are worth nothing medically."""
        return True


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """One line of a file of replies."""

    stage: str | None = None
    model: str | None = None
    contains: str | None = None
    reply: str | None = None
    replies: list[str] = []
    reasoning: str | None = None
    finish_reason: str = "stop"
    error: str | None = None

    def fits(self, request: Request) -> bool:
        """Whether this rule answers the request."""
        text = "\n".join(message.content for message in request.messages)
        named = self.stage in (None, request.stage) and self.model in (None, request.model)
        return named and (self.contains is None or self.contains in text)

    def answer(self, request: Request) -> Completion:
        """The reply, or the error."""
        if self.error in ("context", "filter", "bad_request"):
            raise RequestRejected(f"scripted: {self.error}", self.error)
        if self.error is not None:
            raise (Overloaded("scripted: overloaded") if self.error == "overloaded" else Unreachable("scripted"))
        texts = self.replies or [self.reply or ""]
        text = texts[min(request.attempt, len(texts) - 1)]
        return _counted(request, Completion(text, self.reasoning, self.finish_reason))


class Scripted:
    """The back end: a function that answers requests."""

    def __init__(self, replier: Replier) -> None:
        self._replier = replier

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        reply = self._replier(request)
        return _counted(request, Completion(reply)) if isinstance(reply, str) else reply

    async def open(self) -> None:
        """Nothing to load: it takes its turn as a stand-in of a model that is in memory."""

    async def close(self) -> None:
        """Nothing to give back."""

    async def aclose(self) -> None:
        """Nothing to release."""


def made_up(request: Request) -> str:
    """The made-up world: prose ends with an option, judges hold against the key, scores are drawn from a hash.

    A request whose prompt tells the key gets it; another one gets A with three chances in five, else B or C. A stage
    that wants something else says so in its ``StageSpec``.
    """
    draw = int.from_bytes(request.key[:4], "big")
    prompt = "\n".join(message.content for message in request.messages)
    key = re.search(r"^Correct answer: ([A-Z])", prompt, re.MULTILINE)
    choice = key[1] if key else letter(0 if draw % 5 < 3 else 1 + draw % 2)  # noqa: PLR2004 - three chances in five
    if request.stage in EXAMPLES:
        return EXAMPLES[request.stage](request, choice, draw)
    properties = (request.response_schema or {}).get("properties", {})
    if "verdict" in properties:
        said = re.findall(r"^Answer: ([A-Z])", prompt, re.MULTILINE)
        wrong = (key is not None and said[-1:] != [key[1]]) or draw % 10 == 0
        verdict = "Error" if wrong else "Correct"
        return json.dumps(
            {"verdict": verdict, "reason": "The key finding is weighed." if not wrong else "A step fails."}
        )
    if "score" in properties:
        bounds = properties["score"]
        score = bounds["minimum"] + draw % (bounds["maximum"] - bounds["minimum"] + 1)
        return json.dumps({"score": score, "justification": "Made up."})
    steps = " ".join(f"Step {step}: {_remark(request.key, step)}." for step in range(1, 15))
    return f"{steps}\n\nAnswer: {choice}"


def _remark(key: bytes, step: int) -> str:
    drawn = blake2b(key + bytes([step]), digest_size=3).digest()
    return f"{_SIGNS[drawn[0] % 16]} {_LEADS[drawn[1] % 4]} {_PLACES[drawn[2] % 16]}"


def from_file(path: Path) -> Replier:
    """A function that answers by the rules of a JSON Lines file.

    Raises:
        ReasonMedError: the file is not there, or a line of it is no rule.
    """
    rules = []
    try:
        lines = small_file(path, _MOST_BYTES).splitlines()
    except OSError as unread:
        raise ReasonMedError(f"scripted replies: {path}: cannot be read: {reason(unread)}") from unread
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rules.append(json_as(line, Rule))
            except Refused as wrong:
                raise ReasonMedError(f"scripted replies: {path}:{number}: {wrong}") from wrong

    def reply(request: Request) -> Completion:
        for rule in rules:
            if rule.fits(request):
                return rule.answer(request)
        raise ReasonMedError(f"scripted replies: no rule of {path} fits stage {request.stage} of {request.question_id}")

    return reply


def _counted(request: Request, completion: Completion) -> Completion:
    """A completion with token counts: four characters a token."""
    prompt = sum(len(message.content) for message in request.messages) // 4 + 1
    written = len(completion.text) // 4 + 1
    return msgspec.structs.replace(completion, prompt_tokens=prompt, completion_tokens=written)


def connect(settings: ModelSettings, connections: int) -> Scripted:  # noqa: ARG001 - the shape of every back end
    """A back end on the file or function that the settings name."""
    if not isinstance(settings, Settings):
        raise ReasonMedError(f"backend scripted got the settings of backend {settings.backend}")
    if settings.function is not None:
        module, _, name = settings.function.partition(":")
        try:
            found = getattr(import_module(module), name)
        except (ImportError, AttributeError, TypeError, ValueError) as missing:
            raise ReasonMedError(f"scripted function {settings.function}: {missing}") from missing
        if not callable(found):
            raise ReasonMedError(f"scripted function {settings.function}: is no function, but {type(found).__name__}")
        return Scripted(found)
    return Scripted(from_file(settings.replies) if settings.replies else made_up)
