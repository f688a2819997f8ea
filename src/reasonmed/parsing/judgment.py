"""Verdicts and scores out of a judge's JSON object, checked again whatever the endpoint promised."""

from __future__ import annotations

import re
from textwrap import shorten
from typing import Literal

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.json_object import find_object, find_values
from reasonmed.parsing.judges_reason import OUTCOMES, contradiction
from reasonmed.screening.echo import says_nothing

VERDICT_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "verdict": {"type": "string", "enum": ["Correct", "Error"]},
        "reason": {"type": "string", "maxLength": 1200},
    },
    "required": ["verdict", "reason"],
    "additionalProperties": False,
}


def score_schema(low: int, high: int) -> dict[str, object]:
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
    """Outcome and reason of a judge's reply; a reply without the field has none.

    Raises:
        UnparsableReply: no verdict, one that is neither Correct nor Error, or a reason that says nothing or otherwise.
    """
    found = find_object(reply, "verdict")
    said = found["verdict"]
    outcome = _outcome(said)
    if outcome is None:
        raise UnparsableReply(f'the verdict is {_short(said)}, it must be "Correct" or "Error"')
    if outcome == "correct" and "error" in map(_outcome, find_values(reply, "verdict")):
        raise UnparsableReply('it holds two verdicts, "Error" and "Correct"')
    reason = _statement(found, "reason")
    other = contradiction(outcome, reason)
    if other:
        raise UnparsableReply(f"the verdict is {_short(said)}, but the reason says {_short(other)}")
    return outcome, reason


def _outcome(said: object) -> Literal["correct", "error"] | None:
    return OUTCOMES.get(said.strip().strip(".!").lower()) if isinstance(said, str) else None


def parse_score(reply: str, low: int, high: int) -> tuple[int, str]:
    """Score and justification of a judge's reply; a reply without the field has none.

    Raises:
        UnparsableReply: no score, one that is no integer or out of bounds, or a justification that says nothing.
    """
    found = find_object(reply, "score")
    score = _integer(found["score"], high)
    if score is None or not low <= score <= high:
        raise UnparsableReply(f"the score is {_short(found['score'])}, it must be an integer from {low} to {high}")
    return score, _statement(found, "justification")


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


def _statement(found: dict[str, object], field: str) -> str:
    """A field's text, without the halves of characters that no file can hold; empty where the field is not there."""
    if field not in found:
        return ""
    value = found[field]
    text = re.sub(r"[\ud800-\udfff]", "", value).strip() if isinstance(value, str) else ""
    if says_nothing(text):
        raise UnparsableReply(f"the {field} is {_short(value)}, which says nothing about the case", "echo")
    return text


def _short(value: object) -> str:
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return shorten(repr(value), 60, placeholder="...")
