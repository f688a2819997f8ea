"""Files for fine-tuning at OpenAI and services like it: ``messages`` and nothing else, one folder a variant.

The reasoning stands in the content: services refuse keys that they do not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export._text import VARIANTS, assistant, parts, user

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View


def write(view: View, sinks: Sinks) -> None:
    """Write ``VARIANT/SPLIT.jsonl``."""
    for record, split, story in view.rows():
        for variant in VARIANTS:
            said = parts(record, variant, view.settings)
            if said is not None:
                row = {"messages": [*user(story.question), assistant(said, "inline")]}
                sinks.add(f"{variant}/{split}.jsonl", row)
