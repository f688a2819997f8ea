"""A chain of thought without its conclusion, for a reader who must reach the answer from the reasoning alone."""

from __future__ import annotations

import re

from reasonmed.parsing.answer import has_final_phrase

_HEADING = re.compile(
    r"^[\s#*_>-]*(?:(?:step\s*)?(?:\d{1,2}|[a-g])\s*[.):-]\s*)?[*_\s]*"
    r"(?:(?:final|overall)\s+)?(?:conclu(?:sion|de|ding)|final\s+(?:answer|response|justification)|summary|answer)\b[^\n]{0,80}$",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?]+(?=\s|$)|\n|$)")


def without_conclusion(text: str) -> str:
    """The reasoning up to the concluding section, without any sentence that announces a final answer."""
    heading = next((one for one in _HEADING.finditer(text) if one.start() > len(text) // 3), None)
    body = text[: heading.start()] if heading else text
    kept = [sentence for sentence in _SENTENCE.findall(body) if not has_final_phrase(sentence)]
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip()
