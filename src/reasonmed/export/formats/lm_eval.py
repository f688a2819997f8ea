"""A task for lm-evaluation-harness on the held-out questions: ``reasonmed_held_out.yaml`` and ``test.jsonl``.

The model writes, and the last "Answer: C" in its text counts. The path in the YAML is relative to the folder, so run
``lm_eval --include_path . --tasks reasonmed_held_out`` there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export._held_out import held_out
from reasonmed.export._lm_eval_task import ASK, generate_task
from reasonmed.export._text import instruction_of
from reasonmed.types import letter

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View

HELD_OUT = True
TASK = "reasonmed_held_out"
_FILE = "test.jsonl"
_MOST_TOKENS = 2048


def write(view: View, sinks: Sinks) -> None:
    """Write the questions and the task."""
    for question in held_out(view):
        row = {
            "id": question.id,
            "prompt": f"{instruction_of(question)}\n\n{ASK}",
            "answer": letter(question.answer or 0),
            "source": question.source,
        }
        sinks.add(_FILE, row)
    sinks.text(f"{TASK}.yaml", generate_task(TASK, _FILE, max_tokens=_MOST_TOKENS))
