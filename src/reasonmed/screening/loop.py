"""Texts in which a model lost its way: the same words over and over, or hardly a letter."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from reasonmed.screening.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMES = 5
"""So many repetitions in a row are no emphasis."""
_NUMBERED_TIMES = 10
"""Where the repetitions differ in their numbers, as the lines of a table do."""
_SPAN = 24
"""Words that the repetitions must fill: "no, no, no, no, no" is a way to talk."""
_LONGEST = 60
"""Words of the longest repeated part that is looked for in a row."""
_RUN = 8
_SHARE = 0.3
"""Share of a text's runs of eight words that must be ones which come back five times."""
_LETTERS = 0.3
_SHORT = 40
_UNBROKEN = 60
"""Characters without a space between that no word has."""
_SHOWN = 80


@lru_cache(maxsize=16)
def find_loop(text: str) -> str | None:
    """What a text repeats, with how often; None where it goes on."""
    said = words(text)
    numbers = set(filter(str.isdigit, said))
    numbered = tuple("0" if word in numbers else word for word in said) if numbers else said
    most = _most_of_three(numbered)
    return (
        (_in_a_row(said, _TIMES) if most >= _TIMES else None)
        or (_in_a_row(numbered, _NUMBERED_TIMES) if most >= _NUMBERED_TIMES else None)
        or (_all_over(numbered) if most >= _TIMES else None)
        or _within_a_word(text)
    )


def _most_of_three(said: Sequence[str]) -> int:
    """How often the commonest three words stand in a text: at least as often as any longer part."""
    return max(Counter(zip(said, said[1:], said[2:], strict=False)).values(), default=0)


def find_noise(text: str) -> str | None:
    """The beginning of a text that is hardly letters: punctuation, symbols, bytes; None where it is not."""
    signs = "".join(text.split())
    letters = sum(map(len, words(text))) if text.isascii() else sum(map(str.isalnum, signs))
    noisy = len(signs) >= _SHORT and letters < _LETTERS * len(signs)
    return repr(signs[:10]) if noisy else None


def _in_a_row(said: Sequence[str], times: int) -> str | None:
    """A part of up to 60 words that stands so many times in a row.

    In such a row every three words were last seen one part ago, at the same distance each time.
    """
    last: dict[tuple[str, ...], int] = {}
    distance = length = 0
    for place, three in enumerate(zip(said, said[1:], said[2:], strict=False)):
        since = place - last.get(three, place)
        last[three] = place
        length = length + 1 if since == distance else 1
        distance = since
        if 0 < distance <= _LONGEST and length + distance >= max(times * distance, _SPAN):
            part = " ".join(said[place : place + distance])
            return f"{times} times or more in a row: {part[:_SHOWN]!r}"
    return None


def _all_over(said: Sequence[str]) -> str | None:
    """Eight words that stand five times or more, in a text that has little else."""
    places = list(zip(*(said[start:] for start in range(_RUN)), strict=False))
    if len(places) < _TIMES or len(set(places)) > (1 - _SHARE) * len(places) + _TIMES:
        return None
    counts = Counter(places)
    run, times = counts.most_common(1)[0]
    repeated = sum(count for count in counts.values() if count >= _TIMES)
    if times < _TIMES or repeated < _SHARE * len(places):
        return None
    return f"{times} times: {' '.join(run)[:_SHOWN]!r}"


def _within_a_word(text: str) -> str | None:
    """One to ten characters over and over, without a space between."""
    for word in [word for word in text.split() if len(word) >= _UNBROKEN]:
        for size in range(1, 11):
            part = word[:size]
            if part.isalpha() and word == (part * (len(word) // size + 1))[: len(word)]:
                return f"{len(word) // size} times in a row: {part!r}"
    return None
