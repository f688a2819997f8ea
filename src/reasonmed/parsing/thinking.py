"""Thinking apart from text, and a chain of thought without the marks of the model that wrote it."""

from __future__ import annotations

import re
from typing import NamedTuple

_NAMES = (
    r"(?:(?:[a-z][a-z0-9]{0,19}[:_-])?(?:think(?:ing)?|thoughts?|reasoning|scratch_?pad)(?:_process)?"
    r"|(?:inner|internal)_monologue|reflection)"
)
_LESS, _MORE = r"(?:<|&(?:amp;)?lt;|\\u003c)", r"(?:\s+[a-z]+=[^<>]{0,60})?\s?(?:>|&(?:amp;)?gt;|\\u003e)"
"""Angle brackets, also as a server's HTML or JSON escapes leave them in a text."""

_MARKS: tuple[tuple[str, str], ...] = (
    # <think> of most families, <thought> of EXAONE, <seed:think> of Seed, <scratchpad> of Hermes, and their like
    (rf"{_LESS}{_NAMES}{_MORE}", rf"{_LESS}\\?/{_NAMES}{_MORE}"),
    (r"◁think▷", r"◁/think▷"),  # Kimi
    (r"\[THINK(?:ING)?\]", r"\[/THINK(?:ING)?\]"),  # Magistral
    (r"\[unused16\]", r"\[unused17\]"),  # Pangu
    (r"<unused94>(?:thought\b)?", r"<unused95>"),  # MedGemma
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),  # Cohere
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),  # Sky-T1, OpenThinker
    (r"<\|(?:think|thinking)\|>", r"<\|/(?:think|thinking)\|>"),
    (  # gpt-oss
        r"<\|channel\|>analysis<\|message\|>",
        r"(?:<\|end\|>\s?)?(?:<\|start\|>assistant)?<\|channel\|>final(?:\s?<\|constrain\|>\w{1,20})?<\|message\|>",
    ),
    (r"<\|channel>thought\b", r"<channel\|>"),  # Gemma
)
"""What families of models think between: how it opens, how it closes."""

_OPEN_TAG = "|".join(opening for opening, _ in _MARKS)
_CLOSE_TAG = "|".join(closing for _, closing in _MARKS)
_OPEN = re.compile(rf"{_OPEN_TAG}|(?-i:\A\s*+analysis(?=[^\W_]))", re.IGNORECASE)
_CLOSE = re.compile(rf"{_CLOSE_TAG}|(?-i:assistantfinal)", re.IGNORECASE)
"""With gpt-oss's channels as servers leave them that take the special tokens out: no space after either word."""
_TAG = re.compile(rf"{_OPEN_TAG}|{_CLOSE_TAG}", re.IGNORECASE)
_ANY = re.compile(rf"{_OPEN.pattern}|{_CLOSE.pattern}", re.IGNORECASE)
_OPENED = re.compile(rf"(?:{_OPEN_TAG})\s*\Z", re.IGNORECASE)
_OPENED_WITHIN = 200
"""Characters at the end of a prompt that may hold an opening mark of thinking."""
_BEGINNINGS = ("<", "[", "&", "\\u003", "◁", "analysis", "assistantfinal")
_MARK = r"(?:\#{1,6}[ \t]*|\*\*)"
_END = r":?(?:\*\*)?:?[ \t]*"
_HEADED = re.compile(rf"\s*+{_MARK}Thinking{_END}\n", re.IGNORECASE)
_RESPONSE = re.compile(rf"\n[ \t]*{_MARK}Final\ Response{_END}(?:\n|\Z)", re.IGNORECASE)
_NEXT_HEADING = re.compile(
    r"\n#{1,6} |\n\*\*[^*\n]{1,60}\*\*:?[ \t]*\n|\n[*_ \t]*+(?:final[ \t]+)?answer[*_]*+:", re.IGNORECASE
)
_HEADING = re.compile(rf"^[ \t]*{_MARK}(?:Thinking|Final Response){_END}$\n?", re.IGNORECASE | re.MULTILINE)
_STEERING = r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|</?s>|\[/?INST\]"
_CONTROL_TOKEN = re.compile(rf"{_STEERING}|<(?:start|end)_of_turn>|<(?:bos|eos|pad)>")
_SPECIAL = re.compile(rf"{_STEERING}|</?[a-z_]{{4,20}}(?: \d{{1,2}})? [0-9a-f]{{8}}>")
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
        return Split(_ANY.sub("", reasoning).strip(), after[: reopened.start()].strip(), closed=False)
    if closes:
        return Split(_ANY.sub("", before).strip(), after.strip(), closed=True)
    return _split_headings(reply)


def opening(prompt: str) -> str:
    """The mark of thinking that a prompt ends with, and leaves open: the reply begins inside it. Empty without one.

    Read such a reply with the mark before it, or thinking that never ends passes for an answer.
    """
    found = _OPENED.search(prompt[-_OPENED_WITHIN:])
    return found[0] if found else ""


def is_mark(token: str) -> bool:
    """Whether a token opens or closes thinking."""
    return _TAG.fullmatch(token) is not None


def control_tokens(text: str) -> list[str]:
    """What looks like control tokens of chat templates, such as ``<|im_end|>``, and is no mark of thinking."""
    return [found for found in _CONTROL_TOKEN.findall(text) if not is_mark(found)]


def _may_hold_marks(text: str) -> bool:
    return any(beginning in text for beginning in _BEGINNINGS)


class Tags(NamedTuple):
    """The marks that a recipe says a model thinks between."""

    open: str
    close: str

    def read(self, reply: str) -> str:
        """The reply with those marks as the ones that everybody knows."""
        for mark, known in sorted(((self.open, "<think>"), (self.close, "</think>")), key=lambda pair: -len(pair[0])):
            reply = reply.replace(mark, known)
        return reply


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
