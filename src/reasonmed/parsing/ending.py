"""The end of a text that gives an answer, in whatever form; used where no option can be read from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.parsing import answer_phrases as phrases

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.parsing.option_texts import OptionTexts

REACH = 400
"""So many characters before the end of a text may hold the answer that it ends with."""

_LINE = 200
_KEYED = re.compile(r"[\"'](?:final_?)?answer\w{0,12}[\"']\s{0,3}:", re.IGNORECASE)
_LABELED = re.compile(
    r"[\W_]*+[^\W\d_]{1,20}(?:[ \t][^\W\d_]{1,20}){0,3}[*_ \t]{0,4}[:：=→➜]\s{0,3}(?P<said>[^\n]{1,40})"
)
_LETTERS = re.compile(
    r"[\W_]*+(?:(?:so|thus|hence|therefore|option|choice|letter)s?,?\s)?[\W_]*+[A-Za-z]"
    r"(?:(?:[\W_]{1,4}|\s{0,2}(?:and|or)\s{1,2})[A-Za-z]){0,5}[\W_]*+",
    re.IGNORECASE,
)
"""A line of nothing but letters."""

_ITEM = re.compile(r"[\s(\[*_>#-]*+([A-Za-z])[*_]{0,2}[).:\]](?=\W|$)")
_LAST = re.compile(
    r"(?:,\s|\b(?:so|hence|thus|therefore|only|leaves?|leaving|pick|choose|possibly|is|it['’]s)\s|[选選]\s?)"
    r"[(\[*_]{0,3}[A-Z][)\]*_]{0,3}(?:\s(?:remains|is\sleft|fits))?[.!。]?\Z",
    re.IGNORECASE,
)
_BOX = re.compile(r"\\f?box(?:ed)?\s?\{|<(?:final|answer|choice|option)\w{0,12}>\s{0,3}\(?[A-Z]\b", re.IGNORECASE)
_MENTION = re.compile(r"\b(?:answers?|ans)\b|答案|答え|正解|정답", re.IGNORECASE)


def announced(text: str, options: OptionTexts) -> int | None:
    """Where the words begin with which a text announces an answer, or look like one; None where it ends otherwise."""
    start = max(_starts(text), default=None)
    last = text.rfind("\n") + 1
    return last if start is None and _looks_like_answer(text[last:], options) else start


def _starts(text: str) -> Iterator[int]:
    least = max(0, len(text) - REACH)
    for match in phrases.STRONG.finditer(text, least):
        if ":" in match[0] or not phrases.UNSAID.match(text, match.end()):
            yield match.start()
    for kind in (phrases.REVERSED, _BOX, _KEYED):
        yield from (match.start() for match in kind.finditer(text, least))
    yield from (match.start() for match in phrases.TAG.finditer(text) if match.end() >= least)


def _looks_like_answer(line: str, options: OptionTexts) -> bool:
    """Whether a last line is a letter, letters, an item of the options, or has a label before one of these."""
    if _LAST.search(line[-_LINE:]):
        return True
    if not line.strip() or len(line) > _LINE:
        return False
    labeled = _LABELED.fullmatch(line)
    said = labeled["said"] if labeled else line
    if _LETTERS.fullmatch(said):
        return True
    item = _ITEM.match(said)
    if item and options.index(item[1].upper()) is not None:
        return bool(labeled or options.named(said) or options.leading(said[item.end() :]) is not None)
    return bool(_MENTION.search(line) and (options.named(line) or phrases.SINGLE.search(line)))
