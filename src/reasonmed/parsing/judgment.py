"""Verdicts and scores out of a judge's JSON object, checked again whatever the endpoint promised."""

from __future__ import annotations

import re
from textwrap import shorten
from typing import TYPE_CHECKING, Any, Literal

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.json_object import find_object

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORDS: dict[str, Literal["correct", "error"]] = {
    "correct": "correct",
    "error": "error",
    "incorrect": "error",
}

_PLACEHOLDER = re.compile(r"[<\[{(][^<>\[\]{}()]{0,120}[>\]})]")
_ECHO = re.compile(r"\A(?:one or two sentences )?what is right or what is wrong\Z|\Aone or two sentences\Z")
_LABEL = re.compile(r"\W{0,3}(correct|error|incorrect)\b\W{0,2}[:.,;–—-]", re.IGNORECASE)

VERDICT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["Correct", "Error"]},
        "reason": {"type": "string", "maxLength": 1200},
    },
    "required": ["verdict", "reason"],
    "additionalProperties": False,
}


def score_schema(low: int, high: int) -> dict[str, Any]:
    """JSON schema of a score with bounds; an integer, because servers do not hold the bounds of a number."""
    return {
        "type": "object",
        "properties": {
            "score": {"type": "integer", "minimum": low, "maximum": high},
            "justification": {"type": "string", "maxLength": 1200},
        },
        "required": ["score", "justification"],
        "additionalProperties": False,
    }


def parse_verdict(reply: str) -> tuple[Literal["correct", "error"], str]:
    """Outcome and reason of a judge's reply.

    Raises:
        UnparsableReply: no verdict, or one that is neither Correct nor Error.
    """
    found = find_object(reply, "verdict")
    said = found["verdict"]
    outcome = _WORDS.get(said.strip().strip(".!").lower()) if isinstance(said, str) else None
    if outcome is None:
        raise UnparsableReply(f'the verdict is {_short(said)}, it must be "Correct" or "Error"')
    reason = _text(found.get("reason"))
    if _is_no_reason(reason, found) or _speaks_against(outcome, reason):
        raise UnparsableReply(f"the reason is {_short(found['reason'])}, which gives none for this verdict")
    return outcome, reason


def _is_no_reason(reason: str, found: Mapping[str, Any]) -> bool:
    """Whether a reason was given that says nothing: empty, no words, a placeholder, or the prompt's own words."""
    if "reason" not in found or isinstance(found["reason"], list | dict):
        return False
    words = " ".join(re.findall(r"[^\W_]+", reason.lower()))
    return not words or _PLACEHOLDER.fullmatch(reason) is not None or bool(_ECHO.search(words))


def _speaks_against(outcome: str, reason: str) -> bool:
    """Whether a reason begins with the other verdict: "Error: ..." as the reason of Correct."""
    label = _LABEL.match(reason)
    return label is not None and _WORDS[label[1].lower()] != outcome


def parse_score(reply: str, low: int, high: int) -> tuple[int, str]:
    """Score and justification of a judge's reply.

    Raises:
        UnparsableReply: no score, one that is no integer, or one out of bounds.
    """
    found = find_object(reply, "score")
    score = _integer(found["score"], high)
    if score is None or not low <= score <= high:
        raise UnparsableReply(f"the score is {_short(found['score'])}, it must be an integer from {low} to {high}")
    return score, _text(found.get("justification"))


def _integer(value: object, high: int) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        written = re.fullmatch(rf"\s*(\d{{1,3}})\s*(?:/\s*{high}\s*)?", value)
        return int(written[1]) if written else None
    return None


def _text(value: object) -> str:
    """The text, without the halves of characters that no file can hold."""
    return re.sub(r"[\ud800-\udfff]", "", value).strip() if isinstance(value, str) else ""


def _short(value: object) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return shorten(repr(value), 60, placeholder="...")
