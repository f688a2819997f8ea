"""What was changed between two texts, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+\s*|\s+")


class Piece(NamedTuple):
    """A stretch of words that both texts have, or one of them."""

    kind: Literal["same", "out", "in"]
    text: str


def wording(old: str, new: str) -> list[Piece]:
    """The pieces of both texts in their order: without ``in`` they are the old one, without ``out`` the new one."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    return [piece for piece in _pieces(before, after) if piece.text]


def _pieces(before: list[str], after: list[str]) -> Iterator[Piece]:
    for kind, start, end, other_start, other_end in SequenceMatcher(None, before, after).get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(before[start:end]))
        else:
            yield Piece("out", "".join(before[start:end]))
            yield Piece("in", "".join(after[other_start:other_end]))
