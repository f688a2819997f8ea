"""Labels of steps for a process reward model: a prompt, the steps of a chain of thought, and which of them are ok.

The columns ``prompt``, ``completions`` and ``labels`` are those of stepwise supervision, which TRL's ``PRMTrainer``
read up to TRL 1.13. A step that is not ok has the label false, whether wrong or unsupported; steps behind the first
such one keep their own labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export._chains import judged
from reasonmed.export._text import instruction_of
from reasonmed.parsing.steps import misfit
from reasonmed.questions.normal import stem_hash

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View


def write(view: View, sinks: Sinks) -> None:
    """Write ``SPLIT.jsonl``: all judged chains, right and wrong ones, and rewrites.

    Chains without labels of steps are left out and counted, and so are those whose offsets do not fit the text.
    """
    for case in view.cases():
        for one in judged(case):
            steps, text = one.verdict.steps, one.chain.text
            if not steps or misfit(text, steps):
                sinks.left_out["steps_misfit" if steps else "no_steps"] += 1
                continue
            labels = [step.label == "ok" for step in steps]
            row = {
                "id": one.id,
                "question_id": case.question.id,
                "prompt": instruction_of(case.question),
                "completions": [text[step.start : step.end] for step in steps],
                "labels": labels,
                "first_error": None if all(labels) else labels.index(False),
                "verdict": one.verdict.outcome,
                "judge": one.verdict.judge,
                "tier": case.story.tier,
                "source": case.question.source,
                "stem": stem_hash(case.question),
            }
            sinks.add(f"{case.split}.jsonl", row)
