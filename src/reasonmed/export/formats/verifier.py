"""Data to train a judge: a chain of thought in the prompt, its verdict and the reason as the completion.

The prompt is the shipped one of the verify stage and the completion the JSON object that it asks for, so that a model
trained on it serves as the ``verify`` model of a recipe. Where the judge labelled steps, both are those of ``verify``
with ``steps``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from reasonmed.export._chains import judged
from reasonmed.parsing.step_labels import as_asked
from reasonmed.parsing.steps import misfit
from reasonmed.pipeline.stages._steps import STEPS, shown
from reasonmed.recipe.templates import Prompt, question_text

if TYPE_CHECKING:
    from reasonmed.export._chains import Judged
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View
    from reasonmed.types import Step


def write(view: View, sinks: Sinks) -> None:
    """Write ``SPLIT.jsonl``; verdicts without a reason (errors seen without a request) are left out and counted."""
    whole, stepwise = Prompt("verify"), Prompt(STEPS)
    for case in view.cases():
        for one in judged(case):
            if not one.verdict.reason:
                sinks.left_out["no_reason"] += 1
                continue
            steps = _own_steps(one)
            asked = (stepwise if steps else whole).render(
                {
                    "question": question_text(case.question),
                    "key": case.question.key_text,
                    "chain_of_thought": one.chain.text,
                    **shown(one.chain.text, steps),
                }
            )
            said = {"verdict": "Correct" if one.right else "Error", "reason": one.verdict.reason}
            reply = {"steps": as_asked(steps), **said} if steps else said
            row = {
                "id": one.id,
                "question_id": case.question.id,
                "prompt": [{"role": "user", "content": asked}],
                "completion": [{"role": "assistant", "content": json.dumps(reply, ensure_ascii=False)}],
                "label": one.right,
                "judge": one.verdict.judge,
                "tier": case.story.tier,
                "source": case.question.source,
            }
            sinks.add(f"{case.split}.jsonl", row)


def _own_steps(one: Judged) -> tuple[Step, ...]:
    """The labels of the judge whose verdict it is; none where another changed the verdict."""
    changed = any(opinion.kind == "judge" for opinion in one.verdict.opinions)
    return () if changed or misfit(one.chain.text, one.verdict.steps) else one.verdict.steps
