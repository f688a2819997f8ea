"""Texts that are no good prose: refused, cut, in another language, in a loop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.parsing.thinking import split_thinking
from reasonmed.recipe.templates import lettered, question_text
from reasonmed.screening import language
from reasonmed.screening.flaws import NOTHING_OWN, find_flaw, says_too_little
from reasonmed.screening.loop import find_loop
from reasonmed.screening.refusal import find_refusal

if TYPE_CHECKING:
    from reasonmed.checks.cases import Passage
    from reasonmed.types import Question

_ENDS = re.compile(r"[.!?:;…。\uff01\uff1f)\]}>\"'\u201d\u2019*_`|$%]\s*\Z")
_LAST_LINE = re.compile(r"^\W*(?:(?:final\s+)?answer\b|\(?[A-Z]\b[.):]?|[-*•#|]|\d+[.)]).*\Z", re.IGNORECASE)
_SHORT_LINE = 8
_FEW_WORDS = 20
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
    """A text that leaves the question's language."""
    return language.other_language(text, question_text(question))


def degenerate(text: str, question: Question) -> str | None:
    """A page of a server, a call of a tool, a form, data, or the question again; loops have a rule of their own."""
    flaw = find_flaw(text, lettered(question.stem, (), question.context))
    return flaw.problem if flaw and flaw.kind != "loop" else None


def bare(passage: Passage, question: Question) -> str | None:
    """A chain of thought that says nothing of its own about the case."""
    return NOTHING_OWN if passage.chain and says_too_little(passage.chain, question_text(question)) else None


def repetition(text: str, question: Question) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A text in a loop."""
    return find_loop(text)
