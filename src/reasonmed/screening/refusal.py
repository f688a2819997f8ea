"""Replies that refuse to answer."""

from __future__ import annotations

import re

_WORDS = 60
"""A longer text that says such a thing goes on to answer all the same."""
_REFUSAL = re.compile(
    r"\b(?:I(?:'m| am) (?:sorry|unable|not able)|I (?:cannot|can't|won't) (?:help|assist|provide|answer|comply|give|do)"
    r"|as an AI\b|I(?:'m| am) (?:just )?an AI\b|not a substitute for professional)",
    re.IGNORECASE,
)


def find_refusal(text: str) -> str | None:
    """The phrase by which a short text refuses; None where it does not."""
    found = _REFUSAL.search(text) if len(text.split()) <= _WORDS else None
    return found.group(0) if found else None
