"""A text cut at its judged steps, so that a page can mark these."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.types import Step


class Piece(NamedTuple):
    """A part of a text; ``number`` is that of its step, from 1, and 0 between steps."""

    text: str
    number: int = 0
    label: str = ""
    type: str = ""
    severity: str = ""
    note: str = ""

    @property
    def faulty(self) -> bool:
        """Whether the judge found a fault in it."""
        return self.label not in ("", "ok")


def pieces(text: str, steps: Sequence[Step]) -> Iterator[Piece]:
    """The text in its order; a step that is out of it, or overlaps one before, is left out."""
    reached = 0
    for number, step in enumerate(steps, 1):
        if not reached <= step.start <= step.end <= len(text):
            continue
        if between := text[reached : step.start]:
            yield Piece(between)
        said = (step.label, step.type or "", step.severity or "", step.note)
        end = step.start + len(text[step.start : step.end].rstrip())
        yield Piece(text[step.start : end], number, *said)
        reached = end
    if rest := text[reached:]:
        yield Piece(rest)
