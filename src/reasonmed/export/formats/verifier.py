"""Data to train a judge: a chain of thought in the prompt, its verdict and the reason as the completion.

The prompt is the shipped one of the verify stage and the completion the JSON object that it asks for, so that a model
trained on it serves as the ``verify`` model of a recipe.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reasonmed.export._chains import judged
from reasonmed.recipe.templates import Prompt, question_text

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View


def write(view: View, sinks: Sinks) -> None:
    """Write ``SPLIT.jsonl``; verdicts without a reason (errors seen without a request) are left out and counted."""
    prompt = Prompt("verify")
    for case in view.cases():
        for one in judged(case):
            if not one.verdict.reason:
                sinks.left_out["no_reason"] += 1
                continue
            asked = prompt.render(
                {
                    "question": question_text(case.question),
                    "key": case.question.key_text,
                    "chain_of_thought": one.chain.text,
                }
            )
            said = {"verdict": "Correct" if one.right else "Error", "reason": one.verdict.reason}
            row = {
                "id": one.id,
                "question_id": case.question.id,
                "prompt": [{"role": "user", "content": asked}],
                "completion": [{"role": "assistant", "content": json.dumps(said, ensure_ascii=False)}],
                "label": one.right,
                "judge": one.verdict.judge,
                "tier": case.story.tier,
                "source": case.question.source,
            }
            sinks.add(f"{case.split}.jsonl", row)
