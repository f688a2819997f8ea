"""Thinking apart from text, and a chain of thought without the marks of the model that wrote it."""

from __future__ import annotations

import re
from typing import NamedTuple

_OPEN = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
_CLOSE = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_TAG = re.compile(r"</?(?:think|thinking|reasoning)>", re.IGNORECASE)
_HEADED = re.compile(
    r"\A\s*(?:\#{1,6}\s*|\*\*)Thinking:?(?:\*\*)?:?[ \t]*\n(?P<thinking>.*?)"
    r"\n\s*(?:\#{1,6}\s*|\*\*)Final\ Response:?(?:\*\*)?:?[ \t]*(?:\n|\Z)(?P<text>.*)\Z",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_HEADING = re.compile(
    r"^\s*(?:#{1,6}\s*|\*\*)(?:Thinking|Final Response):?(?:\*\*)?:?[ \t]*$\n?", re.IGNORECASE | re.MULTILINE
)
_SPECIAL = re.compile(r"<\|[^|<>\n]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|</?s>|\[/?INST\]")
_OPENER = re.compile(
    r"\A\s*(?:(?:alright|okay|ok|sure|certainly|absolutely|of course|got it)(?:\s*[,.!:…-]+\s*|\s*\n\s*)(?:so,?\s+)?)+",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class Split(NamedTuple):
    """A reply taken apart. ``closed`` is False where the thinking has no end: the reply was cut inside it."""

    reasoning: str | None
    text: str
    closed: bool


def split_thinking(reply: str) -> Split:
    """Take ``<think>`` blocks, or what stands before a lone ``</think>``, apart from the text.

    HuatuoGPT's ``## Thinking`` and ``## Final Response`` headings count as the same thing. The text is what stands
    after the last end of thinking; an open block without end swallows everything after it.
    """
    closes = list(_CLOSE.finditer(reply))
    before, after = (reply[: closes[-1].start()], reply[closes[-1].end() :]) if closes else ("", reply)
    reopened = _OPEN.search(after)
    if reopened:
        reasoning = f"{before}\n{after[reopened.end() :]}" if closes else after[reopened.end() :]
        return Split(_TAG.sub("", reasoning).strip(), after[: reopened.start()].strip(), closed=False)
    if closes:
        return Split(_TAG.sub("", before).strip(), after.strip(), closed=True)
    headed = _HEADED.match(reply)
    if headed:
        return Split(headed["thinking"].strip(), headed["text"].strip(), closed=True)
    return Split(None, reply.strip(), closed=True)


def clean(text: str) -> str:
    """A chain of thought without think tags, special tokens, control characters and "Alright," openers."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _SPECIAL.sub("", _TAG.sub("", text))
    text = _HEADING.sub("", text).strip()
    shorter = _OPENER.sub("", text)
    return shorter if shorter == text else shorter[:1].upper() + shorter[1:]
