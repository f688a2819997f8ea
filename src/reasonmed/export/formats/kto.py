"""Unpaired preferences for KTO: every judged chain of thought with the judge's word as ``label``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export._chains import judged
from reasonmed.export._text import user

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View


def write(view: View, sinks: Sinks) -> None:
    """Write ``SPLIT.jsonl``."""
    for case in view.cases():
        for one in judged(case):
            row = {
                "id": one.id,
                "question_id": case.question.id,
                "prompt": user(case.question),
                "completion": [{"role": "assistant", "content": one.text(case.question, view.settings)}],
                "label": one.right,
                "tier": case.story.tier,
                "source": case.question.source,
            }
            sinks.add(f"{case.split}.jsonl", row)
