"""What a record teaches, in each variant of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.export._text import VARIANTS, masked, parts
from reasonmed.parsing.answer import parse_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.export._settings import Settings
    from reasonmed.export._text import Parts
    from reasonmed.export._view import Row
    from reasonmed.types import Record, Story

SHORT = "short"
"""The text after the thinking alone, where the CoT holds both."""


class Said(NamedTuple):
    """What a record teaches in one variant, and where its steps that are not ok stand in the reply."""

    variant: str
    parts: Parts
    masked: list[list[int]]


def said_in(row: Row, settings: Settings) -> Iterator[Said]:
    """What a record teaches, by variant."""
    taught = [(variant, variant, row.record) for variant in VARIANTS]
    short = shortened(row.record, row.story) if settings.short else None
    for name, variant, record in taught if short is None else [*taught, (SHORT, "cotmed", short)]:
        said = parts(record, variant, settings)
        if said is not None:
            yield Said(name, said, masked(record, variant, settings) if settings.mask_steps else [])


def shortened(record: Record, story: Story) -> Record | None:
    """The record with the text after the thinking in place of the CoT; None where it has none that concludes the key.

    The judge read it as the end of the CoT.
    """
    chains = (*story.chains, *(one.chain for one in story.rewrites))
    start = next((one.after for one in chains if one.after and one.text == record.chain_of_thought), 0)
    thinking, text = record.chain_of_thought[:start], record.chain_of_thought[start:]
    if not thinking.endswith("\n\n"):  # none, or a text that was edited since
        return None
    if record.answer_index is not None:
        concluded = parse_answer(text, record.options)
        if concluded is None or concluded.option != record.answer_index:
            return None
    steps = (replace(one, start=max(one.start - start, 0), end=one.end - start) for one in record.steps)
    return replace(record, chain_of_thought=text, steps=tuple(one for one in steps if one.end > 0))
