"""Phrases that betray that a writer was shown the answer key, a judge's reasons or an earlier draft."""

from __future__ import annotations

import re

from reasonmed.parsing.sifted import Sifted, first_of

_NO_CHOICES = r"(?!\s+(?:choices|options|choice|option)\b)"
_NO_PHYSIOLOGY = (
    r"(?!\s+(?:loops?|inhibition|mechanisms?|control|regulation|systems?|axis|circuits?|effects?|signals?|suppression|"
    r"from\s+the\s+(?:pituitary|hypothalamus|thyroid|adrenal|ovar)))"
)
_NO_COUNT = "".join(rf"(?<!\b{word}\s)" for word in ("two", "three", "several", "multiple", "repeated", "history of"))
"""Attempts at intubation or suicide are counted; those of writers are not."""

_LEAKS = (
    r"\b(?:given|provided|supplied|stated|reference|gold(?:[- ]standard)?|known)\s+(?:correct\s+)?answer\b"
    + _NO_CHOICES,
    r"\b(?:correct|right)\s+answer\s+(?:(?:is|was|has\s+been)\s+)?(?:given|provided|supplied)\b",
    r"\b(?<!\bto\s)answer\s+key\b",
    _NO_COUNT + r"\b(?:previous|prior|earlier|failed|other)\s+attempts?\b(?!\s+(?:at|to|for|of)\b)",
    r"\b(?:previous|prior|earlier|original)\s+(?:chains?[- ]of[- ]thought|draft|reasoning|CoTs?|rationale)\b",
    r"\b(?:the|this|your|above|provided|given)\s+feedback\b" + _NO_PHYSIOLOGY,
    r"\b(?:judge|reviewer|verifier)(?:'s)?\s+(?:reasons?|reasoning|feedback|comments?|verdicts?|notes?|said|noted|pointed)\b",
    r"\b(?:error|failure)\s+reasons?\b",
)
_PATTERNS = [Sifted(leak, re.IGNORECASE) for leak in _LEAKS]


def find_leak(text: str) -> str | None:
    """The first phrase that says that the writer knew more than the question; None where there is none."""
    found = first_of(_PATTERNS, text)
    return found.group(0) if found else None
