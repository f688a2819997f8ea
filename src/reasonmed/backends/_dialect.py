"""What one endpoint takes: parameters that it refused are learned from its words and not sent again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasonmed.backends._room import most_tokens, room
from reasonmed.backends._wordings import BAD_DRAW, any_of, has_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.backends._said import Said
    from reasonmed.exchange import Request

_LEARNED = frozenset({200, 400, 403, 404, 413, 422, 500, 501})
"""Statuses by which endpoints refuse a parameter."""
_DROPPED = ("response_format", "seed", "stop", "top_p", "temperature")
"""Parameters that can be left out; where several are refused together, the first goes and the others stay."""
_UNNAMED = ("response_format", "seed", "top_p")
_LIMITS = ("max_tokens", "max_completion_tokens")
_STREAM = any_of(
    r"\bstream\W{0,4}(?:(?:=|to|is|be|as|parameter)\W{0,4}){0,3}true",
    r"\bnon-?stream",
    r"\bonly\b.{0,30}\bstream(?:ing)?\b",
    r"\bstream(?:ing)?\b.{0,20}\b(?:is required|only|must be)",
    r"(?:must|need|require\w*|please)\b.{0,40}\bstream(?:ing)?\b",
)
_SCHEMA = any_of(
    r"response_?format",
    r"json[ _-]?schema",
    r"json[ _-]?mode",
    r"json[ _-](?:object|output|response|format)",
    r"response_?schema|additionalproperties",
    r"structured[ _-]output",
    r"guided[ _-](?:json|decoding|grammar)",
    r"\bx?grammar\b",
    r"(?:invalid|unsupported|complex) (?:\w+ )?schema",
)
_UNSUPPORTED = any_of(
    r"unsupported",
    r"\bnot? (?:longer |yet |currently )?(?:support|allow|permit|accept|recogni|implement|available|a valid)",
    r"\bnot? (?:longer )?be (?:specified|set|used|sent|combined)",
    r"\b(?:does|do|is|are|can|could|may|must|should|will)(?: not|n't|not)\b.{0,30}?"
    r"\b(?:support|allow|permit|accept|recogni|take|implement|exist|specified|set|used|both)",
    r"\bun(?:known|recognized|expected|available|implemented)\b",
    r"extra (?:inputs?|fields?)",
    r"extra_forbidden",
    r"\bdeprecated\b",
    r"\binvalid (?:\w+ )?(?:param|arg|field|key|name|option)",
    r"only (?:the default|one of|1 is|support)",
    r"cannot both",
    r"mutually exclusive",
    r"cannot find field",
    r"no such (?:field|param|option)",
    r"not be both",
    r"disabled for",
    r"has no effect",
    r"(?:remove|omit)\b",
    r"\bfixed (?:at|to)\b|\bimmutable\b",
    r"\b(?:may|can|must) only be\b|must be (?:set to |exactly )?1(?:\.0)?(?![\d.])",
)
"""Words by which an endpoint says that it does not take something."""
_UNSUPPORTED_CODE = any_of(
    r"unsupported",
    r"unknown(?:param|name|field|arg)",
    r"unrecogni",
    r"extraforbidden",
    r"unexpectedkeyword",
    r"notsupported",
)
"""The same as codes."""
_THESE = re.compile(
    r"(?:requested|these|given|provided|following|some) param\w*|combination of param\w*", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+|\n+")
_NOT_STREAMED = "enable_thinking"
_BEFORE = (
    "(?:support|allow|accept|permit|specify|recogniz|unsupported|unknown|unrecognized|invalid|remove|omit|custom|set)"
)
_START = r"(?:^|[.:;(\[]\s*)"
_PARAMETER = r"(?:param(?:eter)?|arg(?:ument)?|field|property|option|setting|keyword|value)"


@dataclass
class Once:
    """What one request goes without, whatever the next one does."""

    room: int | None = None
    """Tokens that the context leaves it."""
    free: bool = False
    """Whether the reply's form is not forced: a draw in that form failed."""


class Dialect:
    """What an endpoint was found to take.

    Args:
        model: the model's name in the body.
        json_schema: whether to send JSON schemas at all.
    """

    def __init__(self, model: str, *, json_schema: bool) -> None:
        self.left_out: set[str] = set() if json_schema else {"response_format"}
        self._model = model
        self._limit_name = "max_tokens"
        self._most: int | None = None
        self._streams = False
        self._no_thinking = False

    def body(self, request: Request, once: Once) -> dict[str, object]:
        """The request as this endpoint takes it."""
        drawn = request.sampling
        body: dict[str, object] = {"model": self._model, "messages": request.messages}
        body[self._limit_name] = min(one for one in (drawn.max_tokens, self._most, once.room) if one is not None)
        for name in ("temperature", "top_p", "seed", "stop"):
            value = getattr(drawn, name)
            if value is not None and value != () and name not in self.left_out:
                body[name] = value
        if request.response_schema is not None and not once.free and "response_format" not in self.left_out:
            schema = {"name": request.stage or "reply", "schema": request.response_schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if self._streams:
            body["stream"] = True
            if "stream_options" not in self.left_out:
                body["stream_options"] = {"include_usage": True}
        body |= request.extra_body or {}
        return body | ({_NOT_STREAMED: False} if self._no_thinking else {})

    def sent(self, request: Request, body: Mapping[str, object]) -> dict[str, object] | None:
        """The sampling parameters of a body; None where they are those that the request asks for."""
        drawn = request.sampling
        asked = {name: getattr(drawn, name) for name in ("temperature", "top_p", "seed", "stop")}
        asked = {name: value for name, value in asked.items() if value is not None and value != ()}
        asked["max_tokens"] = drawn.max_tokens
        asked["json_schema"] = request.response_schema is not None
        told = {name: body[name] for name in ("temperature", "top_p", "seed", "stop") if name in body}
        told["max_tokens"] = limit_of(body)
        told["json_schema"] = "response_format" in body
        if self._no_thinking:
            told[_NOT_STREAMED] = False
        return None if told == asked else told

    def learn(self, status: int, said: Said, request: Request, body: Mapping[str, object], once: Once) -> bool:
        """Learn from a refusal what this endpoint does not take; False when nothing is left to change."""
        if "response_format" in body and has_code(BAD_DRAW, said):
            once.free = True
            return True
        if status not in _LEARNED:
            return False
        extra = request.extra_body or {}
        return (
            self._learn_stream(said, body)
            or ("max_tokens" not in extra and self._learn_limit(said, body, once))
            or self._learn_dropped(status, said, {name: body[name] for name in body if name not in extra})
        )

    def _learn_stream(self, said: Said, body: Mapping[str, object]) -> bool:
        if "stream_options" in body and _names("stream_options", said):
            self.left_out.add("stream_options")
            return True
        if not _STREAM.search(said.prose):
            return False
        if not body.get("stream"):
            self._streams = True
            return True
        if _NOT_STREAMED in said.prose and _NOT_STREAMED not in body:
            self._no_thinking = True
            return True
        return False

    def _learn_limit(self, said: Said, body: Mapping[str, object], once: Once) -> bool:
        sent = limit_of(body)
        left = room(said.prose, sent)
        if left is not None:
            once.room = left
            return True
        most = most_tokens(said.prose, sent)
        if most is not None:
            self._most = most
            return True
        if "max_tokens" in body and _names("max_tokens", said):
            self._limit_name = _LIMITS[1]
            return True
        return False

    def _learn_dropped(self, status: int, said: Said, body: Mapping[str, object]) -> bool:
        there = [name for name in _DROPPED if name in body]
        if "response_format" in there and _refuses_schema(status, said):
            self.left_out.add("response_format")
            return True
        named = [name for name in there if _names(name, said)]
        if not named and _THESE.search(said.prose) and _unsupported(said):
            named = [name for name in there if name in _UNNAMED]
        self.left_out.update(named[:1])
        return bool(named)


def limit_of(body: Mapping[str, object]) -> int:
    """The token limit of a body, under whichever name."""
    return next((limit for name in _LIMITS if isinstance(limit := body.get(name), int)), 0)


def refused_extra(request: Request, said: Said) -> str | None:
    """The field of the recipe's ``extra_body`` that an endpoint says it does not take."""
    return next((name for name in request.extra_body or () if _names(name, said)), None)


def _unsupported(said: Said) -> bool:
    coded = has_code(_UNSUPPORTED_CODE, said)
    return coded or _UNSUPPORTED.search(said.prose) is not None or "no endpoints found" in said.prose.lower()


def _refuses_schema(status: int, said: Said) -> bool:
    if any(param.startswith("response_format") for param in said.params):
        return True
    if not _SCHEMA.search(said.prose):
        return False
    return status in (400, 422, 500, 501) or _unsupported(said)


def _names(name: str, said: Said) -> bool:
    """Whether an endpoint says of this parameter that it does not take it; a question's own words never do."""
    coded = has_code(_UNSUPPORTED_CODE, said)
    if any(param == name or param.endswith(f".{name}") for param in said.params):
        return coded or _UNSUPPORTED.search(said.prose) is not None
    mention = _mention(name)
    if coded and re.search(rf"\b{re.escape(name)}\b", said.prose):
        return True
    sentences = _SENTENCE.split(said.prose)
    return any(mention.search(one) and _UNSUPPORTED.search(one) for one in sentences)


def _mention(name: str) -> re.Pattern[str]:
    """Where a sentence speaks of a parameter: a name that is an everyday word must look like one."""
    plain = re.escape(name)
    if "_" in name:
        return re.compile(rf"\b{plain}\b")
    return any_of(
        rf"['\"`\u2018\u201c]{plain}['\"`\u2019\u201d]",
        rf"\b{_PARAMETER}s?\b(?: supplied| given| provided| found)?\W{{1,3}}{plain}\b",
        rf"\b{plain} {_PARAMETER}s?\b",
        rf"\b{_BEFORE}\w*:? (?:the |both |a |custom )?{plain}\b",
        rf"{_START}{plain} (?:(?:is|are|was) )?(?:not|no longer|un\w+|deprecated|disabled|fixed|immutable|does)\b",
        rf"{_START}{plain} (?:cannot|can't|must|may|and \w+_p)\b",
        rf"\b(?:and|or|,) {plain} (?:are|cannot|can't|may|must)\b",
        rf"(?:^|[.;]\s+){plain}:",
        rf"\bbody\.{plain}\b",
    )
