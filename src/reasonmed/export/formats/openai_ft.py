"""Files for fine-tuning at OpenAI and services like it: ``messages`` and nothing else, one folder a variant.

The reasoning stands in the content: services refuse keys that they do not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export._said import said_in
from reasonmed.export._text import assistant, user

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View


def write(view: View, sinks: Sinks) -> None:
    """Write ``VARIANT/SPLIT.jsonl``."""
    for row in view.rows():
        for said in said_in(row, view.settings):
            made = {"messages": [*user(row.story.question), assistant(said.parts, "inline")]}
            sinks.add(f"{said.variant}/{row.split}.jsonl", made)
