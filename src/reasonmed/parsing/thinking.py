"""Thinking apart from text, and a chain of thought without the marks of the model that wrote it."""

from __future__ import annotations

import re
from typing import NamedTuple

_NAMES = r"(?:[a-z]{1,12}:)?(?:think|thinking|thought|reasoning|reflection|scratchpad)s?(?:_process)?[ ]?"
_OPEN = re.compile(
    rf"<\|?{_NAMES}\|?>|◁{_NAMES}▷|\[THINK(?:ING)?\]|\[unused16\]|<unused94>(?:thought\b)?"
    rf"|<\|(?:start|begin)_(?:of_)?{_NAMES}\|>|<\|channel\|>analysis<\|message\|>",
    re.IGNORECASE,
)
_CLOSE = re.compile(
    rf"<\|?/{_NAMES}\|?>|◁/{_NAMES}▷|\[/THINK(?:ING)?\]|\[unused17\]|<unused95>"
    rf"|<\|end_(?:of_)?{_NAMES}\|>|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
_TAG = re.compile(rf"{_OPEN.pattern}|{_CLOSE.pattern}", re.IGNORECASE)
_MARK = r"(?:\#{1,6}[ \t]*|\*\*)"
_END = r":?(?:\*\*)?:?[ \t]*"
_HEADED = re.compile(rf"\s*+{_MARK}Thinking{_END}\n", re.IGNORECASE)
_RESPONSE = re.compile(rf"\n[ \t]*{_MARK}Final\ Response{_END}(?:\n|\Z)", re.IGNORECASE)
_NEXT_HEADING = re.compile(
    r"\n#{1,6} |\n\*\*[^*\n]{1,60}\*\*:?[ \t]*\n|\n[*_ \t]*+(?:final[ \t]+)?answer[*_]*+:", re.IGNORECASE
)
_HEADING = re.compile(rf"^[ \t]*{_MARK}(?:Thinking|Final Response){_END}$\n?", re.IGNORECASE | re.MULTILINE)
_SPECIAL = re.compile(r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|</?s>|\[/?INST\]|</?[a-z_]{4,20} [0-9a-f]{8}>")
"""Tokens of chat templates, and the fences of our own prompts where a model repeats them."""
_OPENER = re.compile(
    r"\A\s*+(?:(?:alright|okay|ok|sure|certainly|absolutely|of course|got it)"
    r"(?:[ \t]*+[,.!:…-]++\s*+|[ \t]*+\n\s*+)(?:so,?\s++)?+"
    rf"|{_MARK}(?:Thinking|Final\ Response){_END}(?:\n\s*+|\Z))++",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_GAP = "\x00"
"""Where a mark was taken out: nothing may close up there to a new mark."""
_CLOSED_UP = re.compile(rf"(?<=\S){_GAP}++(?=\S)")


class Split(NamedTuple):
    """A reply taken apart. ``closed`` is False where the thinking has no end: the reply was cut inside it."""

    reasoning: str | None
    text: str
    closed: bool


def split_thinking(reply: str) -> Split:
    """Take ``<think>`` blocks, or what stands before a lone ``</think>``, apart from the text.

    HuatuoGPT's ``## Thinking`` and ``## Final Response`` headings count as the same thing, and so do the tokens that
    other models think between. The text is what stands after the last end of thinking; an open block without end
    swallows everything after it.
    """
    if not _may_hold_marks(reply):
        return _split_headings(reply)
    closes = list(_CLOSE.finditer(reply))
    before, after = (reply[: closes[-1].start()], reply[closes[-1].end() :]) if closes else ("", reply)
    reopened = _OPEN.search(after)
    if reopened:
        reasoning = f"{before}\n{after[reopened.end() :]}" if closes else after[reopened.end() :]
        return Split(_TAG.sub("", reasoning).strip(), after[: reopened.start()].strip(), closed=False)
    if closes:
        return Split(_TAG.sub("", before).strip(), after.strip(), closed=True)
    return _split_headings(reply)


def _may_hold_marks(text: str) -> bool:
    return "<" in text or "[" in text or "◁" in text


def _split_headings(reply: str) -> Split:
    headed = _HEADED.match(reply)
    if headed is None:
        return Split(None, reply.strip(), closed=True)
    response = _RESPONSE.search(reply, headed.end() - 1)
    if response:
        return Split(reply[headed.end() : response.start()].strip(), reply[response.end() :].strip(), closed=True)
    if _NEXT_HEADING.search(reply, headed.end()):
        return Split(None, reply.strip(), closed=True)
    return Split(reply[headed.end() :].strip(), "", closed=False)


def clean(text: str) -> str:
    """A chain of thought without think tags, special tokens, prompt fences, control characters and chatty openers."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if _may_hold_marks(text):
        text = _SPECIAL.sub(_GAP, _TAG.sub(_GAP, text))
        text = _CLOSED_UP.sub(" ", text).replace(_GAP, "")
    if "#" in text or "**" in text:
        text = _HEADING.sub("", text)
    text = text.strip()
    shorter = _OPENER.sub("", text)
    return shorter if shorter == text else shorter[:1].upper() + shorter[1:]
