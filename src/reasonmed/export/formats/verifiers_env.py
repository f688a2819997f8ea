"""The held-out questions as an environment for ``verifiers``: ``reasonmed_held_out.py`` over its JSONL file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export._held_out import held_out
from reasonmed.export._lm_eval_task import ASK
from reasonmed.export._text import instruction_of
from reasonmed.export._verifiers_env import environment
from reasonmed.types import letter

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View

HELD_OUT = True
NAME = "reasonmed_held_out"


def write(view: View, sinks: Sinks) -> None:
    """Write the questions and the module."""
    for question in held_out(view):
        row = {
            "id": question.id,
            "prompt": [{"role": "user", "content": f"{instruction_of(question)}\n\n{ASK}"}],
            "answer": letter(question.answer or 0),
            "source": question.source,
        }
        sinks.add(f"{NAME}.jsonl", row)
    sinks.text(f"{NAME}.py", environment(NAME))
