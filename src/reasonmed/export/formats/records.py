"""The native records, as JSON Lines: ``{train,validation,test}.jsonl``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import to_builtins

if TYPE_CHECKING:
    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import View


def write(view: View, sinks: Sinks) -> None:
    """Write the records as they are."""
    for record, split, _ in view.rows():
        sinks.add(f"{split}.jsonl", to_builtins(record))
