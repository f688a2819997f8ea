"""Rotation of options: a question asked with its options in several orders, and the letters mapped back.

Options that refer to others ("all of the above", "both A and B") or to a place ("the former") keep their order.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.types import Question

_LETTERS = r"\(?[a-j]\)?(?:\s*(?:,|;|/|&|\+|and|or|nor)\s*(?:and\s+|or\s+)?\(?[a-j]\)?)+"
_REFERS = re.compile(
    r"\b(?:all|none|any|some|each|both|either|neither|one|two|three|most)\s+(?:\w+\s+){0,2}?(?:of\s+)?(?:the\s+)?"
    r"(?:above|below|these|those|them|other|others|options?|choices?|answers?|statements?|listed|mentioned|following)\b"
    r"|\b(?:above|below)\b(?!\s+(?:the|a|an|\d|\w+\s+(?:level|line|age)))|\bafore(?:said|mentioned)\b"
    r"|\b(?:the\s+)?(?:former|latter)\b|\b(?:preceding|previous|first|last|other)\s+(?:\w+\s+)?(?:options?|choices?|answers?)\b"
    r"|\b(?:options?|choices?|answers?|alternatives?)\s*\(?[A-Ja-j1-9]\b\)?(?![\w'])"
    r"|\b(?:both|either|neither|only|except|except\s+for|but\s+not|not)\s+\(?[A-J]\)?(?![\w'])",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    rf"\s*(?:(?:both|either|neither|only)\s+)?(?:{_LETTERS}|all|none|both|either|neither|any|nil|[a-j]{{2,4}})"
    r"(?:\s+(?:only|alone|both|correct|true|false|(?:are|is)\s+(?:correct|true|false|right|wrong)))?\s*[.!]?\s*",
    re.IGNORECASE,
)
_STEM = re.compile(
    r"\b(?:options?|choices?|answers?|alternatives?)\s+\(?[A-J]\)?(?![\w'])|\b(?:first|last|next)\s+(?:option|choice|answer)\b"
)


class Presented(NamedTuple):
    """A question as it is shown, and the original place of each option that is shown."""

    question: Question
    order: tuple[int, ...]

    def original(self, shown: int | None) -> int | None:
        """The original place of the option at a shown place."""
        return None if shown is None else self.order[shown]


def fixed(question: Question) -> bool:
    """Whether the options must keep their order, because one of them or the stem speaks of others or of a place."""
    return bool(_STEM.search(question.stem)) or any(_tied(option) for option in question.options)


def _tied(option: str) -> bool:
    return bool(_REFERS.search(option) or _WHOLE.fullmatch(option))


def rotations(question: Question, wanted: int) -> Sequence[int]:
    """By how much to rotate a question's options: evenly spread, the original order first, never one order twice."""
    count = len(question.options)
    if wanted <= 1 or fixed(question):
        return (0,)
    many = min(wanted, count)
    return tuple(number * count // many for number in range(many))


def present(question: Question, by: int) -> Presented:
    """The question with its options moved up by so many places; the key moves with them."""
    count = len(question.options)
    order = tuple((place + by) % count for place in range(count))
    key = None if question.answer is None else order.index(question.answer)
    return Presented(replace(question, options=tuple(question.options[place] for place in order), answer=key), order)
