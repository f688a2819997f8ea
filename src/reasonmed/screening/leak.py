"""Phrases that betray that a writer was shown the answer key, a judge's reasons or an earlier draft."""

from __future__ import annotations

import re

_NO_CHOICES = r"(?!\s+(?:choices|options|choice|option)\b)"
_NO_PHYSIOLOGY = (
    r"(?!\s+(?:loops?|inhibition|mechanisms?|control|regulation|systems?|axis|circuits?|effects?|signals?|suppression|"
    r"from\s+the\s+(?:pituitary|hypothalamus|thyroid|adrenal|ovar)))"
)
_NO_COUNT = "".join(rf"(?<!\b{word}\s)" for word in ("two", "three", "several", "multiple", "repeated", "history of"))
"""Attempts at intubation or suicide are counted; those of writers are not."""

_GIVEN, _RIGHT = ("given", "provided", "supplied"), ("correct", "right")
_WORDS = (
    (("answer",), (*_GIVEN, "stated", "reference", "gold", "known")),
    (("answer",), _RIGHT, _GIVEN),
    (("answer",), ("key",)),
    (("attempt",), ("previous", "prior", "earlier", "failed", "other")),
    (("chain", "draft", "reasoning", "cot", "rationale"), ("previous", "prior", "earlier", "original")),
    (("feedback",),),
    (("judge", "reviewer", "verifier"),),
    (("reason",), ("error", "failure")),
)
"""One of each group is in what a pattern finds."""
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
_PATTERNS = [(words, re.compile(pattern, re.IGNORECASE)) for words, pattern in zip(_WORDS, _LEAKS, strict=True)]
_ODD_CASE = re.compile("[ſıİK]")
"""Letters that a pattern takes for "s", "i" and "k", and a search for words does not."""


def find_leak(text: str) -> str | None:
    """The first phrase that says that the writer knew more than the question; None where there is none."""
    lowered, every = text.lower(), _ODD_CASE.search(text) is not None
    found = [
        match
        for groups, pattern in _PATTERNS
        if every or all(any(word in lowered for word in group) for group in groups)
        if (match := pattern.search(text))
    ]
    return min(found, key=re.Match.start)[0] if found else None
