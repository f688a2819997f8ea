"""Which options a text names where no single answer can be read from it: others than the key, or the key alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.parsing import answer_phrases as phrases
from reasonmed.parsing.option_texts import option_texts
from reasonmed.parsing.thinking import split_thinking

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 60_000
_ONE_LINE = 200
_FIRST = re.compile(r"[\s*_(\[\"']*([A-Z])[)\]*_]{0,3}[.:)][)\]*_]{0,3}\s+(?=[A-Z])")
"""A letter as an item's label at the beginning of a text."""
_LETTERED = re.compile(r"(?<![^\W_])(?<![-'’])([A-Z])(?=[.):]|\s*\Z)")


def names_only_others(text: str, options: Sequence[str], key: int) -> bool:
    """Whether the last final-answer phrase of a text, or a text of one line, names options but not the key.

    For texts in which ``parse_answer`` finds no answer, such as "The answer is D. Heparin" where Heparin is C.
    """
    said = _last_statement(split_thinking(text).text[-_LONGEST:])
    if not said or phrases.DENIED.match(said):
        return False
    known = option_texts(tuple(options))
    letters = {known.index(letter) for letter in _LETTERED.findall(said)} - {None}
    named = letters | set(known.named(said))
    return bool(named) and key not in named


def names_only(text: str, options: Sequence[str], key: int) -> bool:
    """Whether a text names the key, by its text, and no other option."""
    known = option_texts(tuple(options))
    return known.named(known.fold(split_thinking(text).text[-_LONGEST:]).text) == [key]


def opening_option(text: str, options: Sequence[str]) -> int | None:
    """The option whose letter labels a text, as in "A. The answer is C. Heparin"; None where none does."""
    first = _FIRST.match(text)
    return option_texts(tuple(options)).index(first[1]) if first else None


def _last_statement(text: str) -> str:
    """What follows the last final-answer phrase on its line or the next one; a text of one line is a statement."""
    last = max(phrases.STRONG.finditer(text), key=lambda match: match.end(), default=None)
    if last is not None:
        return text[last.end() :].lstrip(" \t*_:\n").partition("\n")[0]
    line = text.strip()
    return line if "\n" not in line and len(line) <= _ONE_LINE else ""
