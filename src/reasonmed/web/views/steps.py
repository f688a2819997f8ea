"""A chain of thought as a page shows it: its steps, each with a place to jump to and what a judge says of it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.parsing.steps import misfit, split_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.parsing.steps import Span
    from reasonmed.types import Step

_MOST = 200_000
"""Characters beyond which a text without labels is one piece: nobody jumps to a step of it."""


class Piece(NamedTuple):
    """A step. ``label`` is empty where no judge labeled it; ``kind`` has type and severity of a fault."""

    anchor: str
    number: int
    text: str
    label: str = ""
    kind: str = ""
    note: str = ""

    @property
    def words(self) -> str:
        """It without the line breaks at its end, which are ``gap``."""
        return self.text.rstrip("\n")

    @property
    def gap(self) -> str:
        """The line breaks at its end."""
        return self.text[len(self.words) :]

    @property
    def is_fault(self) -> bool:
        """Whether a judge found a fault in it."""
        return self.label not in ("", "ok")


class Text(NamedTuple):
    """A text in pieces that joined are the text."""

    pieces: tuple[Piece, ...]
    labeled: bool

    @property
    def faults(self) -> list[Piece]:
        """The steps that a judge did not call ok."""
        return [piece for piece in self.pieces if piece.is_fault]


def text_in(text: str, steps: Sequence[Step], name: str) -> Text:
    """A text with the labels of its steps; where these do not fit, or there are none, as it splits."""
    if steps and misfit(text, steps) is None:
        pieces = (
            Piece(f"{name}-step-{number}", number, text[one.start : one.end], one.label, _kind(one), one.note)
            for number, one in enumerate(steps, 1)
        )
        return Text(tuple(pieces), labeled=True)
    return Text(tuple(Piece(f"{name}-step-{n}", n, one) for n, one in enumerate(split(text), 1)), labeled=False)


def split(text: str, steps: Sequence[Step] = ()) -> list[str]:
    """The steps of a text as a judge was given them, or as it splits."""
    if steps and misfit(text, steps) is None:
        return [text[one.start : one.end] for one in steps]
    return [span.of(text) for span in _spans(text)] if len(text) <= _MOST else [text]


@lru_cache(maxsize=64)
def _spans(text: str) -> tuple[Span, ...]:
    """Of what was split last: a record has the text of a chain, and who looks at a question looks at it again."""
    return split_steps(text)


def _kind(step: Step) -> str:
    return ", ".join(filter(None, ((step.type or "").replace("_", " "), step.severity)))
