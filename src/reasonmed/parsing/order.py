"""A question and a chain of thought with the options in another order, where nothing in them hangs on the order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.parsing.answer import parse_answer
from reasonmed.types import digest, letter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.types import ChainOfThought, Question

_OTHERS = re.compile(
    r"\b(?:all|none|both|neither|either|any|two|some|each|one|combination)\s+of\s+(?:the\s+)?"
    r"(?:above|below|these|them|others?|following|options?|choices?|preceding|previous)\b"
    r"|\b(?:above|below|preceding|aforementioned)\b|\b(?:both|either|neither)\s+\(?[A-Z]\b"
    r"|\b(?:options?|choices?|answers?)\s+\(?[A-Z0-9]\b"
    r"|^\W*(?-i:[A-Z])(?:(?:\s*(?:,|&|\+|/|\band\b|\bor\b)){1,2}\s*(?-i:[A-Z]))+\W*(?:only\W*)?$",
    re.IGNORECASE,
)
_NOUN = re.compile(
    r"\b(?:vitamins?|hepatitis|groups?|types?|factors?|proteins?|influenza|stage|grade|class|phase|lead|virus|category"
    r"|immunoglobulin|apolipoprotein|h(?:a)?emoglobin|strep\w*|complement|schedule|cells?|child|pugh|blood|cyclosporine?"
    r"|amphotericin|coenzyme|interferon|hormone|toxin|serotype|subtype|variant|panel|figure|part|protocol|regimen)"
    r"[\s-]$",
    re.IGNORECASE,
)
_REFERENCES = (
    re.compile(
        r"\b(?:option|choice|answer|alternative)s?(?:\s++is)?\s*+(?:[:#]\s*+)?[(\[*\"']*+([A-Z])(?![\w'’])",
        re.IGNORECASE,
    ),
    re.compile(r"^(?:[^\S\n]|[>*#-])*+\(?([A-Z])[.):]", re.MULTILINE),
    re.compile(r"\(([A-Z])\)"),
    re.compile(r"\\boxed\{\s*+(?:\\text\{)?([A-Z])\b"),
    re.compile(r"\*\*\(?([A-Z])[.):*]"),
    re.compile(r"(?<![\w'’/-])([B-Z])(?=\s+(?:is|was|would|can|could|cannot|does|describes|refers|seems|may|might)\b)"),
)
_SINGLE = re.compile(r"(?<![\w'’/.-])([A-Z])(?![\w'’/-])")
_ARTICLE = re.compile(r"A\s+[a-z0-9(]")


def depends_on_order(options: Sequence[str]) -> bool:
    """Whether an option speaks of other options or of positions ("all of the above", "both A and B")."""
    return any(_OTHERS.search(option) for option in options)


def in_another_order(question: Question, chain: ChainOfThought) -> tuple[Question, ChainOfThought] | None:
    """Options moved on by so many places, drawn from the question's id, and the chain with its letters changed to fit.

    None where options depend on their order, where a letter in the chain may or may not be an option's, or where the
    chain would then conclude something else.
    """
    count = len(question.options)
    if question.answer is None or depends_on_order(question.options):
        return None
    step = 1 + int(digest(question.id, 4), 16) % (count - 1)
    places = {index: (index + step) % count for index in range(count)}
    text = relettered(chain.text, {letter(old): letter(new) for old, new in places.items()})
    if text is None:
        return None
    options = tuple(question.options[(index - step) % count] for index in range(count))
    read = parse_answer(text, options)
    answer = None if chain.answer is None else places[chain.answer]
    if (read.option if read else None) != answer:
        return None
    return replace(question, options=options, answer=places[question.answer]), replace(chain, text=text, answer=answer)


def relettered(text: str, letters: Mapping[str, str]) -> str | None:
    """The text with option letters exchanged; None where a single letter may or may not be an option's."""
    places = {place for one in _REFERENCES for place in _found(one, text, letters)}
    for single in _SINGLE.finditer(text):
        if single[1] in letters and single.start(1) not in places and not _is_word(text, single.start(1)):
            return None
    return "".join(letters[mark] if place in places else mark for place, mark in enumerate(text))


def _found(pattern: re.Pattern[str], text: str, letters: Mapping[str, str]) -> list[int]:
    found = [match.start(1) for match in pattern.finditer(text) if match[1] in letters]
    return [place for place in found if not _NOUN.search(text[max(0, place - 20) : place])]


def _is_word(text: str, place: int) -> bool:
    """Whether a single letter is an article, a pronoun or part of a name such as vitamin A."""
    return (
        text[place] == "I"
        or _ARTICLE.match(text, place) is not None
        or _NOUN.search(text[max(0, place - 20) : place]) is not None
    )
