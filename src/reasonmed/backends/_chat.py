"""Conversations as tokens by a chat template: control tokens in texts stay text, and what ends a reply is known."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from jinja2 import TemplateError

from reasonmed.errors import UsageError
from reasonmed.parsing.thinking import control_tokens, is_mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PROBES = ("Alpha", "Omega 7")
"""Two replies with no end in common: what two renderings end with alike is the template's."""


class Tokenizer(Protocol):
    """What is asked of a tokenizer of transformers, which has no types of its own."""

    chat_template: str | None
    eos_token_id: int | None
    is_fast: bool

    @property
    def added_tokens_decoder(self) -> Mapping[int, _Added]:
        """Its own tokens, by number."""
        ...

    def __hash__(self) -> int:
        """Tokenizers are told apart by what they are."""
        ...

    def __call__(self, text: str | Sequence[str], **options: object) -> Mapping[str, Any]:
        """Texts as tokens, with what belongs to them."""
        ...

    def apply_chat_template(self, conversation: Sequence[Mapping[str, str]], **options: object) -> object:
        """A conversation as its template writes it."""
        ...

    def encode(self, text: str, **options: object) -> list[int]:
        """A text as tokens."""
        ...

    def decode(self, token_ids: Sequence[int], **options: object) -> str:
        """Tokens as text."""
        ...


class _Added(Protocol):
    content: str
    special: bool


def steers(token: str, *, special: bool) -> bool:
    """Whether a token of a tokenizer's own is a control token: special or of that shape, and no mark of thinking."""
    return (special or control_tokens(token) == [token]) and not is_mark(token)


@lru_cache(maxsize=8)
def controls(tokenizer: Tokenizer) -> dict[str, int]:
    """Tokens that steer a model, by their text: special ones and ends of turn, but no marks of thinking."""
    added = ((token.content, number, token.special) for number, token in tokenizer.added_tokens_decoder.items())
    return {text: number for text, number, special in added if steers(text, special=special)}


@lru_cache(maxsize=8)
def _pattern(tokenizer: Tokenizer) -> re.Pattern[str] | None:
    """Any control token; longer ones first."""
    names = sorted(controls(tokenizer), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, names))) if names else None


def controls_in(tokenizer: Tokenizer, chat: Iterable[Mapping[str, str]]) -> list[str]:
    """The control tokens that the texts of a conversation hold, each once."""
    pattern = _pattern(tokenizer)
    if pattern is None:
        return []
    return list(dict.fromkeys(found for turn in chat for text in turn.values() for found in pattern.findall(text)))


def tokens_of(
    tokenizer: Tokenizer, chats: Sequence[list[dict[str, str]]], *, ask: bool, **more: object
) -> list[list[int]]:
    """Token ids of conversations by the chat template, control tokens in their texts as plain text.

    Args:
        tokenizer: with a chat template.
        chats: messages of each conversation.
        ask: up to where the reply begins.
        more: further values for the template.
    """
    texts = [_shown(tokenizer, chat, ask=ask, **more) for chat in chats]
    found = [list(ids) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]] if texts else []
    for place, chat in enumerate(chats):
        if controls_in(tokenizer, chat):
            found[place] = _as_text(tokenizer, chat, ask=ask, **more)
    return found


def text_tokens(tokenizer: Tokenizer, text: str) -> list[int]:
    """Tokens of a text that is no whole conversation, control tokens in it as the characters that they are."""
    pattern = _pattern(tokenizer)
    parts = re.split(f"({pattern.pattern})", text) if pattern else [text]
    steering, found = set(controls(tokenizer).values()), list[int]()
    for place, part in enumerate(parts):
        whole = (
            _plain(tokenizer, part, steering) if place % 2 else tokenizer(part, add_special_tokens=False)["input_ids"]
        )
        found += whole if part else []
    return found


def _shown(tokenizer: Tokenizer, chat: list[dict[str, str]], *, ask: bool, **more: object) -> str:
    return str(tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=ask, **more))


def _as_text(tokenizer: Tokenizer, chat: list[dict[str, str]], *, ask: bool, **more: object) -> list[int]:
    """Marks stand in for control tokens while the template renders, so that those of the texts are known afterwards."""
    if not tokenizer.is_fast:
        raise UsageError("control tokens as text need a fast tokenizer (tokenizer.json), and this model has none")
    names, pattern = list(controls(tokenizer)), _pattern(tokenizer)
    texts = "".join(text for turn in chat for text in turn.values())
    mark = next(one for one in (f"\ue000{number}\ue001" for number in count()) if one not in texts)
    hidden = [
        {key: pattern.sub(lambda one: f"{mark}{names.index(one[0])}{mark}", text) for key, text in turn.items()}
        for turn in chat
        if pattern is not None
    ]
    shown, parts, spans, size = _shown(tokenizer, hidden, ask=ask, **more), [], [], 0
    for place, part in enumerate(re.split(rf"{mark}(\d+){mark}", shown)):
        text = names[int(part)] if place % 2 else part
        parts.append(text)
        if place % 2:
            spans.append((size, size + len(text)))
        size += len(text)
    whole = "".join(parts)
    told = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
    steering, found = set(controls(tokenizer).values()), list[int]()
    for token, (start, end) in zip(told["input_ids"], told["offset_mapping"], strict=True):
        inside = token in steering and any(start < last and end > first for first, last in spans)
        found += _plain(tokenizer, whole[start:end], steering) if inside else [token]
    return found


def _plain(tokenizer: Tokenizer, text: str, steering: set[int]) -> list[int]:
    """A control token's text as the text that it is."""
    found = list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])
    if not steering.intersection(found):
        return found
    halves = (tokenizer(half, add_special_tokens=False)["input_ids"] for half in (text[:1], text[1:]))
    return [token for half in halves for token in half]


def ending(tokenizer: Tokenizer, prompt: Sequence[dict[str, str]]) -> list[int]:
    """The tokens that the chat template puts behind a reply to this prompt."""
    chats = [[*prompt, {"role": "assistant", "content": reply}] for reply in _PROBES]
    one, other = (ids[::-1] for ids in tokens_of(tokenizer, chats, ask=False))
    same = next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    return one[:same][::-1]


def end_of(tokenizer: Tokenizer, tail: Iterable[int]) -> int | None:
    """The token at which a reply ends, of those that a template puts behind it; None where there is none."""
    known = {*tokenizer.added_tokens_decoder, tokenizer.eos_token_id}
    return next((token for token in tail if token in known), None)


def turn_end(tokenizer: Tokenizer) -> int | None:
    """The token at which the chat template ends a turn of the model; None where there is no template or no such token.

    Models are trained to stop there, and many base models name only their end of text as ``eos_token``.
    """
    if not tokenizer.chat_template:
        return None
    try:
        return end_of(tokenizer, ending(tokenizer, [{"role": "user", "content": "Hello"}]))
    except TemplateError:
        return None
