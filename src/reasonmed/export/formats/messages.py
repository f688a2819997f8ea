"""Whole conversations as ``messages``, one folder a variant: what most trainers read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export.formats.trl_sft import rows_of

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View
    from reasonmed.export.formats.trl_sft import Pair


def write(view: View, sinks: Sinks) -> None:
    """Write ``VARIANT/SPLIT.jsonl``."""
    for row in view.rows():
        for variant, made in rows_of(row, view.settings):
            sinks.add(f"{variant}/{row.split}.jsonl", conversation(made))


def conversation(made: Pair) -> dict[str, object]:
    """A row with the prompt and the reply as one conversation."""
    beside = {name: value for name, value in made.items() if name not in ("prompt", "completion", "masked")}
    return {**beside, "messages": [*made["prompt"], *made["completion"]]}
