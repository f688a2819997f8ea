"""Answers that do not agree: with the key, with the reasoning, with the response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.parsing.answer import parse_answer
from reasonmed.pipeline.stages._votes import count_votes, in_words
from reasonmed.types import letter

if TYPE_CHECKING:
    from reasonmed.checks.cases import Case, Passage
    from reasonmed.checks.rules.licenses import Allowed
    from reasonmed.types import Question

_STRONG = 2 / 3
_FEWEST = 3
_MODELS = 2


def disputed(case: Case, allowed: Allowed) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A key that a strong consensus contradicts: two thirds of the chains, at least three, of two models or more."""
    votes = count_votes(case.story.chains) if case.story else []
    leader = votes[0] if votes else None
    if case.disputed:
        return f"the key is marked as disputed{f'; votes: {in_words(votes, case.question)}' if votes else ''}"
    if case.story is None or leader is None or case.question.answer in (None, leader.option):
        return None
    strong = leader.chains >= max(_FEWEST, _STRONG * len(case.story.chains)) and len(leader.models) >= _MODELS
    return f"votes: {in_words(votes, case.question)}" if strong else None


def against_key(passage: Passage, question: Question) -> str | None:
    """A record whose chain of thought or response concludes another option than the key."""
    if passage.subject != "record" or question.answer is None:
        return None
    for what, text in passage.texts():
        found = _concluded(text, question)
        if found is not None and found != question.answer:
            return f"the {what} concludes {letter(found)}, the key is {letter(question.answer)}"
    return None


def contradiction(passage: Passage, question: Question) -> str | None:
    """A chain of thought whose last line answers with another option than the one that the text before settles on."""
    body, _, last = (passage.chain or "").rstrip().rpartition("\n")
    final = _concluded(last, question)
    reasoned = None if final is None else _concluded(body, question)
    if final is None or reasoned is None or final == reasoned:
        return None
    return f"the reasoning settles on {letter(reasoned)}, the last line says {letter(final)}"


def response_differs(passage: Passage, question: Question) -> str | None:
    """A response that concludes another option than its chain of thought."""
    if not passage.chain or not passage.response:
        return None
    chain, response = _concluded(passage.chain, question), _concluded(passage.response, question)
    if chain is None or response is None or chain == response:
        return None
    return f"the chain of thought concludes {letter(chain)}, the response {letter(response)}"


def _concluded(text: str, question: Question) -> int | None:
    found = parse_answer(text, question.options) if question.options else None
    return found.option if found else None
