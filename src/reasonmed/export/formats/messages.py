"""Whole conversations as ``messages``, one folder a variant: what most trainers read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.export.formats.trl_sft import rows_of

if TYPE_CHECKING:
    from reasonmed.export._settings import Settings
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View


def write(view: View, sinks: Sinks) -> None:
    """Write ``VARIANT/SPLIT.jsonl``."""
    write_as(view, sinks, view.settings)


def write_as(view: View, sinks: Sinks, settings: Settings) -> None:
    """Write the conversations with texts in another way than the export's."""
    for row in view.rows():
        for variant, made in rows_of(row, settings):
            beside = {name: value for name, value in made.items() if name not in ("prompt", "completion")}
            whole = [*made["prompt"], *made["completion"]]
            sinks.add(f"{variant}/{row.split}.jsonl", {**beside, "messages": whole})
