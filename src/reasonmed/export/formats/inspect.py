"""The held-out questions as samples for Inspect's ``json_dataset``: ``input``, ``choices``, ``target``, ``id``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export._held_out import held_out
from reasonmed.types import letter

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View

HELD_OUT = True


def write(view: View, sinks: Sinks) -> None:
    """Write ``samples.json``; the choices are apart, as Inspect's ``multiple_choice`` solver wants them."""
    for question in held_out(view):
        sample = {
            "id": question.id,
            "input": f"{question.context}\n\n{question.stem}" if question.context else question.stem,
            "choices": question.options,
            "target": letter(question.answer or 0),
            "metadata": {"source": question.source},
        }
        sinks.add("samples.json", sample)
