"""Texts that name no single answer, but name other options than the key and never the key: they do not support it."""

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


def _last_statement(text: str) -> str:
    """What follows the last final-answer phrase on its line or the next one; a text of one line is a statement."""
    last = max(phrases.STRONG.finditer(text), key=lambda match: match.end(), default=None)
    if last is not None:
        return text[last.end() :].lstrip(" \t*_:\n").partition("\n")[0]
    line = text.strip()
    return line if "\n" not in line and len(line) <= _ONE_LINE else ""
