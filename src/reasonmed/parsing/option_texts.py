"""The options of a question, found in a text by letter or by their own words; never by likeness."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from reasonmed.parsing.spellings import Spellings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.parsing.spellings import Folded

_SIGNS = "<>≤≥≠±+↑↓"
_MINUS = r"(?<![^\W_])-(?=\d)"
_NUMBER = r"\d+(?:[.,:/]\d+)+"
_TOKEN = re.compile(rf"[{_SIGNS}]|{_MINUS}|{_NUMBER}|[^\W_]+")
_FILL = rf"(?:(?!{_MINUS})[^\w{_SIGNS}]|_)"
"""What the tokens leave out; never a sign."""
_JUNK = re.compile(rf"{_FILL}*+")
_SHORT = 4
_CLAUSE_END = re.compile(r"[\s*_\"'`”’)\]}$%°]*(?:\Z|[.,;:()\n—。，；]|\s[-–]\s)")


def tokens(text: str) -> tuple[str, ...]:
    """The words, numbers and signs of a text in lower case; ``2.5`` is one, and so is ``B12``."""
    return tuple(token.lower() for token in _TOKEN.findall(text))


@lru_cache(maxsize=512)
def option_texts(options: tuple[str, ...]) -> OptionTexts:
    """The texts of a question's options, prepared once for all of its replies."""
    return OptionTexts(options)


class OptionTexts:
    """What the options say, ready to be looked for."""

    def __init__(self, options: Sequence[str]) -> None:
        self._spellings = Spellings(options)
        self.tokens = [tokens(self.fold(option).text) for option in options]
        self._signs = [option[0][0] if option else "" for option in self.tokens]
        self.asks = [option.rstrip(" \"'").endswith("?") for option in options]
        self._compiled: dict[int, re.Pattern[str] | None] = {}

    def fold(self, text: str) -> Folded:
        """A text with the signs that tell these options apart in one spelling; every other method wants it so."""
        return self._spellings.fold(text)

    def _pattern(self, index: int) -> re.Pattern[str] | None:
        if index not in self._compiled:
            words = self.tokens[index]
            self._compiled[index] = _pattern(words, signed=bool(words) and words[-1] in self._spellings.signed)
        return self._compiled[index]

    def _pattern_in(self, index: int, lowered: str) -> re.Pattern[str] | None:
        """An option's pattern, or None where the text, in lower case, does not hold the option's first word."""
        option = self.tokens[index]
        return None if option and option[0].isascii() and option[0] not in lowered else self._pattern(index)

    def index(self, letter: str) -> int | None:
        """The place of a letter, None where there is no such option."""
        place = ord(letter) - ord("A")
        return place if 0 <= place < len(self.tokens) else None

    def is_letter(self, letter: str) -> bool:
        """Whether an option says nothing but a letter: a blood group, a vitamin."""
        return (letter.lower(),) in self.tokens

    def end(self, index: int, text: str) -> int:
        """Where the option's text ends that a text begins with; 0 where it begins with something else."""
        return self._end(index, text, _start(text))

    def _end(self, index: int, text: str, start: int) -> int:
        first = self.tokens[index][0] if self.tokens[index] else ""
        pattern = self._pattern_in(index, text[start : start + len(first)].lower())
        found = pattern.match(text, start) if pattern else None
        if found is None or (self.short(index) and not _CLAUSE_END.match(text, found.end())):
            return 0
        return found.end()

    def leading(self, text: str) -> int | None:
        """The option that a text begins with; the longest where one begins another, None where two are the same."""
        start = _start(text)
        ends = {index: self._end(index, text, start) for index in self._beginning(text[start : start + 1].lower())}
        longest = max(ends.values(), default=0)
        fits = [index for index, end in ends.items() if end == longest]
        return fits[0] if longest and len(fits) == 1 else None

    def _beginning(self, sign: str) -> Iterator[int]:
        """The options that may begin with a character in lower case: all where either is beyond ASCII."""
        whatever = not sign.isascii()
        return (index for index, own in enumerate(self._signs) if own == sign or whatever or not own.isascii())

    def sole(self, sentence: str) -> int | None:
        """The only option whose text stands in a sentence, not counting one inside a longer one."""
        whole = [index for index, option in enumerate(self.tokens) if option and option == tokens(sentence)]
        if whole:
            return whole[0] if len(whole) == 1 else None
        found, rest = self._named(sentence)
        return found[0] if len(found) == 1 and not self._has_short(rest) else None

    def without(self, index: int | None, sentence: str) -> str:
        """A sentence with the option's own text taken out."""
        pattern = None if index is None else self._pattern(index)
        return pattern.sub(" ", sentence) if pattern else sentence

    def within(self, words: str) -> set[int]:
        """The options whose text holds these words."""
        pattern = _pattern(tokens(words))
        texts = [" ".join(option).replace("- ", "-") for option in self.tokens]
        return {index for index, text in enumerate(texts) if pattern and pattern.search(text)}

    def short(self, index: int) -> bool:
        """Whether an option is so short that it can stand in a sentence by chance."""
        return len(" ".join(self.tokens[index])) < _SHORT

    def named(self, sentence: str) -> list[int]:
        """The options whose texts stand in a sentence, not counting one inside a longer one."""
        return self._named(sentence)[0]

    def _has_short(self, sentence: str) -> bool:
        lowered = sentence.lower()
        short = [self._pattern_in(index, lowered) for index in range(len(self.tokens)) if self.short(index)]
        return any(pattern.search(sentence) for pattern in short if pattern)

    def _named(self, sentence: str) -> tuple[list[int], str]:
        """The options that a sentence names, and what is left of it."""
        found, lowered = [], sentence.lower()
        for index in sorted(range(len(self.tokens)), key=lambda one: -len(" ".join(self.tokens[one]))):
            pattern = None if self.short(index) else self._pattern_in(index, lowered)
            if pattern and pattern.search(sentence):
                found.append(index)
                twins = self.tokens.count(self.tokens[index]) > 1
                sentence = sentence if twins else pattern.sub(" | ", sentence)
        return found, sentence


def _start(text: str) -> int:
    """Where the first word, number or sign may begin."""
    junk = _JUNK.match(text)
    return junk.end() if junk else 0


def _pattern(option: tuple[str, ...], *, signed: bool = False) -> re.Pattern[str] | None:
    if not option:
        return None
    joined = re.escape(option[0])
    for before, after in pairwise(option):
        loose = before in _SIGNS or after in _SIGNS or (before[-1].isdigit() and after[0].isalpha())
        fill = rf"(?:(?!-){_FILL})" if after == "-" else _FILL
        joined += ("" if before == "-" else fill + ("*+" if loose else "++")) + re.escape(after)
    start = r"(?<![^\W_])(?<!\w[-‐‑])"
    if option[0][0].isdigit():
        start += rf"(?<!\d[.,:/])(?<![{_SIGNS}−])(?<![{_SIGNS}−]\s)(?<!\W-)(?<!\A-)"
    elif option[0] in f"{_SIGNS}-":
        start = ""
    end = r"(?![^\W_])(?![-‐‑]\w)" + (r"(?![.,:/]\d)" if option[-1][-1].isdigit() else "")
    end += r"(?!\s(?:positive|negative)\b)" if signed else ""
    return re.compile(start + joined + (end if option[-1] not in _SIGNS else ""), re.IGNORECASE)
