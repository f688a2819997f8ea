"""A second option that a text calls right, after it has given its answer: "The answer is C. D is also right"."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from reasonmed.parsing import answer_phrases as phrases
from reasonmed.parsing.answer_choice import Choice, Several
from reasonmed.parsing.option_texts import tokens
from reasonmed.parsing.sifted import Sifted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.parsing.option_texts import OptionTexts

_BEFORE = 200
"""So many characters before "is also right" may hold what is called so."""
_AFTER = 300

_RIGHT = (
    r"(?:(?:a|an|the|one|equally|fully|considered)\s+){0,2}"
    r"(?:(?:right|correct|valid|acceptable)(?:\s+(?:answer|choice|option)s?)?|(?:best\s+)?answer)"
)
_ENDS = r"(?=[)*_\"'”’]*(?:[.!;\n]|\Z|,?\s+(?:because|since|as|here|and)\b))"
_CALLED = Sifted(
    rf"\s(?:(?:is|are)\s+(?:also|equally|likewise|just\s+as)|would\s+(?:also|equally|likewise)\s+be)\s+{_RIGHT}\b{_ENDS}"
    rf"|\s(?:is|are|would\s+be)\s+{_RIGHT},?\s+(?:too|also|as\s+well)\b{_ENDS}"
    rf"|(?P<plain>\s(?:is|are|would\s+be)\s+{_RIGHT}\b{_ENDS})",
    re.IGNORECASE,
)
"""What calls an option right beside another one; ``plain`` needs an "also" at the beginning of its sentence."""
_FURTHER = Sifted(r"\banswer\s+(?:is|would\s+be)\s+also\b|\banswer\s+(?:could|would)\s+also\s+be\b", re.IGNORECASE)
_CLAUSE = re.compile(rf"{phrases.SENTENCE_END.pattern}|[;:—–>}}]|,\s+(?:and|but)\b")
_ADDED = re.compile(r"(?:also|likewise|similarly|equally|in\s+addition|additionally)\b,?\s+", re.IGNORECASE)
_JOINT = re.compile(
    r"\A(?:(?:and|but|so|however|then|both|options?|choices?|answers?)\b,?\s*|[\s(\[*_\"'“‘])*", re.IGNORECASE
)
_LETTERS = re.compile(r"[A-Z](?:[)\]*_.,]|\s|\b(?:and|or)\b|&|option|choice|\(|(?<![A-Za-z])[A-Z](?![A-Za-z]))*")


def calls_another_right(text: str, start: int, option: int, options: OptionTexts) -> bool:
    """Whether a text calls an option right beside the one that it has named up to a place, or that one beside another.

    An option that is called better than that one counts as well.
    What is denied, doubted or right under a condition does not count.
    """
    return any(index != option for index in _called(text, start, options))


def _called(text: str, start: int, options: OptionTexts) -> Iterator[int | None]:
    for match in _CALLED.finditer(text, start):
        near = not match["plain"] and match.start() - start <= _BEFORE
        if near and not _JOINT.sub("", text[start : match.start()]):
            yield None  # the answer itself: it is right beside one that was named before
        clause = _CLAUSE.split(text[max(start, match.start() - _BEFORE) : match.start()])[-1]
        subject = _JOINT.sub("", clause)
        added = _ADDED.match(subject)
        if added or not match["plain"]:
            yield from _named(subject[added.end() :] if added else subject, options)
    for match in phrases.BETTER.finditer(text, start):
        clause = re.split(r",\s", _CLAUSE.split(text[max(start, match.start() - _BEFORE) : match.start()])[-1])[-1]
        yield from _named(clause, options)
    for match in _FURTHER.finditer(text, start):
        with suppress(Several):
            index = Choice(options).read(text[match.end() : match.end() + _AFTER].partition("\n")[0])
            yield from () if index is None else (index,)


def _named(subject: str, options: OptionTexts) -> list[int]:
    """The options that are all of a subject: letters, a letter with its text, or a text."""
    subject = _JOINT.sub("", subject)
    if _LETTERS.fullmatch(subject):
        found = [options.index(letter) for letter in re.findall(r"(?<![A-Za-z])[A-Z](?![A-Za-z])", subject)]
        return [index for index in found if index is not None]
    spelled = Choice(options).spelled_out(subject)
    if spelled is not None:
        return [spelled]
    words = tokens(subject)
    return [index for index, option in enumerate(options.tokens) if words and option == words]
