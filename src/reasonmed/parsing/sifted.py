"""Patterns that run only on texts that hold the words without which they cannot match.

A pattern of many words costs Python's matcher some steps at every character, whether it matches or not; to look for the
words themselves costs next to nothing. Which words these are is read from the pattern, so that what is found is the
same.
"""

from __future__ import annotations

import re
import sys
from functools import cached_property, lru_cache
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_ASCII = 128
_FEW = 6
"""Characters of a set that are looked for one by one."""
_RARE, _LONG = 3, 4
"""Letters from which on a word is worth a look beside another one, and as rare as longer ones."""
_COMMON_SIGNS = frozenset(" \t\n.,;:!?'()-")
"""What prose has everywhere, beside letters and digits; a word with any other sign is rare."""
_LOOKALIKES = (("\u0130", "i"), ("\u0131", "i"), ("\u017f", "s"), ("\u212a", "k"))
"""Characters beyond ASCII that a pattern which ignores case takes for ASCII letters."""
_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)


class _Part(NamedTuple):
    """A part of a parsed pattern, as Python's parser has it: what it is, and what it is made of."""

    kind: object
    value: Any


class _Needs(NamedTuple):
    """One of these words, or a character beyond ASCII of this set, stands in whatever matches."""

    words: frozenset[str]
    signs: str = ""

    @property
    def worth(self) -> tuple[int, int]:
        """Large where few texts hold any of them."""
        return min(map(_rarity, self.words), default=_LONG + 1), -len(self.words)

    def __or__(self, other: _Needs) -> _Needs:
        return _Needs(self.words | other.words, self.signs + other.signs)


class _Sieve(NamedTuple):
    words: tuple[str, ...]
    signs: re.Pattern[str] | None


class Sifted:
    """A pattern, compiled when the first text holds its words."""

    def __init__(self, pattern: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self.pattern, self.flags = pattern, flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern as Python runs it."""
        return re.compile(self.pattern, self.flags)

    @cached_property
    def _ways(self) -> list[list[_Sieve]]:
        """What each alternative of the pattern needs, all of it."""
        parsed = list(_parser.parse(self.pattern, self.flags))
        ways = parsed[0][1][1] if len(parsed) == 1 and parsed[0][0] is ops.BRANCH else [parsed]
        return [_sieves(set(_all_of(way))) for way in ways]

    def may_match(self, text: str, lowered: str) -> bool:
        """Whether a text holds what the pattern needs; ``lowered`` is the same text in lower case."""
        for sieves in self._ways:
            for words, signs in sieves:
                for word in words:
                    if word in lowered:
                        break
                else:
                    if signs is None or text.isascii() or not signs.search(text):
                        break
            else:
                return True
        return False

    def search(self, text: str, start: int = 0) -> re.Match[str] | None:
        """As of a compiled pattern."""
        part = text[start:] if start else text
        return self.compiled.search(text, start) if self.may_match(part, in_lower_case(part)) else None

    def finditer(self, text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[re.Match[str]]:
        """As of a compiled pattern."""
        part = text[start:end]
        return self.compiled.finditer(text, start, end) if self.may_match(part, in_lower_case(part)) else iter(())

    def sub(self, new: str | Callable[[re.Match[str]], str], text: str) -> str:
        """As of a compiled pattern."""
        return self.compiled.sub(new, text) if self.may_match(text, in_lower_case(text)) else text


@lru_cache(maxsize=8)
def in_lower_case(text: str) -> str:
    """A text in lower case, as patterns that ignore case read it."""
    if not text.isascii():
        for like, letter in _LOOKALIKES:
            text = text.replace(like, letter)
    return text.lower()


def first_of(patterns: Sequence[Sifted], text: str) -> re.Match[str] | None:
    """What the patterns would find if they were alternatives of one, in their order."""
    lowered = in_lower_case(text)
    found = (one.compiled.search(text) for one in patterns if one.may_match(text, lowered))
    return min(filter(None, found), key=lambda match: match.start(), default=None)


def _sieves(needs: set[_Needs]) -> list[_Sieve]:
    """What is looked for, the rarest first; the best of it, and what else is rare enough."""
    found = sorted(needs, key=lambda one: (one.worth, sorted(one.words), one.signs), reverse=True)
    return [
        _Sieve(tuple(sorted(one.words, key=len)), re.compile(f"[{one.signs}]", re.IGNORECASE) if one.signs else None)
        for place, one in enumerate(found)
        if not place or one.worth[0] >= _RARE
    ]


def _all_of(parsed: Iterable[_Part]) -> Iterator[_Needs]:
    """What a sequence needs, each of them."""
    run = ""
    for part in parsed:
        if part[0] is ops.LITERAL and _is_plain(part[1]):
            run += chr(part[1]).lower()
            continue
        if run:
            yield _Needs(frozenset((run,)))
        run = ""
        yield from _of_set([part]) if part[0] is ops.LITERAL else _within(part)
    if run:
        yield _Needs(frozenset((run,)))


def _within(part: _Part) -> Iterator[_Needs]:
    kind, value = part
    if kind is ops.SUBPATTERN:
        yield from _all_of(value[3])
    elif kind is ops.ATOMIC_GROUP:
        yield from _all_of(value)
    elif (kind in _REPEATS and value[0]) or (kind is ops.ASSERT and value[0] > 0):
        yield from _all_of(value[-1])
    elif kind is ops.IN:
        yield from _of_set(value)
    elif kind is ops.BRANCH:
        best = [max(_all_of(one), key=lambda needs: needs.worth, default=None) for one in value[1]]
        together = _Needs(frozenset())
        for one in best:
            if one is None:
                return
            together |= one
        yield together


def _of_set(members: Sequence[_Part]) -> Iterator[_Needs]:
    """What a set of characters needs: one of a few, or one of those beyond ASCII where it has no others."""
    spans = [(value, value) if kind is ops.LITERAL else value for kind, value in members if kind is not ops.NEGATE]
    if any(kind not in (ops.LITERAL, ops.RANGE) for kind, _ in members):
        return
    places = [place for low, high in spans for place in range(low, min(high, low + _FEW) + 1)]
    if len(places) <= _FEW and all(map(_is_plain, places)):
        yield _Needs(frozenset(chr(place).lower() for place in places))
    elif all(low >= _ASCII for low, _ in spans) and not any(
        low <= ord(like) <= high for low, high in spans for like, _ in _LOOKALIKES
    ):
        yield _Needs(frozenset(), "".join(rf"\U{low:08x}-\U{high:08x}" for low, high in spans))


def _rarity(word: str) -> int:
    return (
        _LONG + 1 if any(not sign.isalnum() and sign not in _COMMON_SIGNS for sign in word) else min(len(word), _LONG)
    )


def _is_plain(place: int) -> bool:
    """Whether a character stands for itself in lower case, or for its own lower case: ASCII, and what has no case."""
    sign = chr(place)
    return place < _ASCII or sign.lower() == sign.upper()
