"""Texts that are no good prose: refused, cut, in another language, in a loop."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from reasonmed.parsing.thinking import split_thinking
from reasonmed.screening.refusal import find_refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.checks.cases import Passage
    from reasonmed.types import Question

_ENDS = re.compile(r"[.!?:;…。\uff01\uff1f)\]}>\"'\u201d\u2019*_`|$%]\s*\Z")
_LAST_LINE = re.compile(r"^\W*(?:(?:final\s+)?answer\b|\(?[A-Z]\b[.):]?|[-*•#|]|\d+[.)]).*\Z", re.IGNORECASE)
_SHORT_LINE = 8
_FEW_WORDS = 20
_FOREIGN = re.compile(
    "[\u0400-\u052f\u0530-\u058f\u0590-\u05ff\u0600-\u06ff\u0900-\u0dff\u0e00-\u0e7f\u1100-\u11ff\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"
)
"""Letters of scripts other than Latin and Greek, which English medical prose has."""
_FOREIGN_LETTERS = 5
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(
    [
        "the",
        "of",
        "and",
        "to",
        "a",
        "in",
        "is",
        "with",
        "for",
        "that",
        "this",
        "as",
        "be",
        "are",
        "by",
        "on",
        "it",
        "not",
        "or",
        "which",
        "an",
        "from",
        "was",
        "has",
        "can",
        "at",
        "we",
        "other",
        "most",
        "his",
        "her",
        "he",
        "she",
        "patient",
        "would",
        "may",
        "also",
        "these",
        "but",
        "have",
        "likely",
        "more",
        "no",
        "if",
        "than",
        "after",
        "does",
        "due",
        "given",
        "because",
        "so",
    ]
)
_ENGLISH_SHARE, _OTHER_SHARE, _ENOUGH = 0.2, 0.08, 30
_LOOP_WORDS, _LOOP_TIMES = 8, 5
_SHOWN = 80


def refusal(text: str, question: Question) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A short text that refuses to answer."""
    return find_refusal(text)


def truncated(passage: Passage, question: Question) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A text that a token limit cut, or that breaks off within a sentence or within its thinking."""
    if passage.truncated:
        return "it was cut at the token limit"
    for what, text in passage.texts():
        if not split_thinking(text).closed:
            return f"the {what} has an open think block"
        last = text.rstrip().rpartition("\n")[2].strip()
        whole = _ENDS.search(text) or _LAST_LINE.match(last) or len(last.split()) < _SHORT_LINE
        if not whole and len(text.split()) >= _FEW_WORDS:
            return f"the {what} ends in {last[-_SHOWN:]!r}"
    return None


def other_language(text: str, question: Question) -> str | None:
    """A text that leaves the question's language: letters of another script, or hardly an English word."""
    if not _FOREIGN.search(question.stem):
        found = _FOREIGN.findall(text)
        if len(found) >= _FOREIGN_LETTERS:
            return f"{len(found)} letters of another script: {''.join(found[:_SHOWN])}"
    words = _words(text)
    if len(set(words)) < _ENOUGH or _english(words) >= _OTHER_SHARE:
        return None
    return "hardly any English word" if _english(_words(question.stem)) >= _ENGLISH_SHARE else None


def repetition(text: str, question: Question) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A text in a loop: the same eight words five times or more."""
    words = text.split()
    counts = Counter(zip(*(words[start:] for start in range(_LOOP_WORDS)), strict=False))
    if not counts:
        return None
    said, times = counts.most_common(1)[0]
    return f"{times} times {' '.join(said)!r}" if times >= _LOOP_TIMES else None


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _english(words: Iterable[str]) -> float:
    known = [word in _ENGLISH for word in words]
    return sum(known) / len(known) if known else 0.0
