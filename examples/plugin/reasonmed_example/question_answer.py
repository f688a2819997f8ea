"""Question and answer, and nothing else, one line a record: ``SPLIT.jsonl``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonmed.export import Sinks, View


def write(view: View, sinks: Sinks) -> None:
    """Write the records that the export takes."""
    for row in view.rows():
        record = row.record
        sinks.add(f"{row.split}.jsonl", {"id": record.id, "question": record.question, "answer": record.answer})
