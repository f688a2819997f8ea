"""A bar of parts, for one row of a table: what is in the row, drawn to one scale with the other rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.figures import percent
from reasonmed.report.page import Html
from reasonmed.report.svg import escaped, painted, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.report.svg import Tone

WIDTH, HEIGHT = 320.0, 14
_EDGE = 1.0
"""Between two parts, taken from the later one, as long as more than that is left of it."""


class Part(NamedTuple):
    """A part of a bar."""

    name: str
    amount: float
    tone: Tone


class Piece(NamedTuple):
    """A part as it is drawn."""

    part: Part
    left: float
    width: float


def pieces(parts: Sequence[Part], whole: float, width: float = WIDTH) -> list[Piece]:
    """The parts side by side, where ``whole`` would fill the width; those of nothing are left out."""
    found: list[Piece] = []
    left = 0.0
    for part in parts:
        long = width * part.amount / whole if whole > 0 else 0.0
        if part.amount > 0:
            found.append(Piece(part, left, long))
        left += long
    return found


def stacked(parts: Sequence[Part], whole: float) -> Html:
    """A bar as SVG; a screen reader has its parts as words."""
    total = sum(part.amount for part in parts)
    there = [part for part in parts if part.amount]
    said = ", ".join(f"{part.name} {part.amount:,.0f} ({percent(part.amount / total, 0)})" for part in there)
    return Html(
        f'<svg class="stacked" viewBox="0 0 {WIDTH:.0f} {HEIGHT}" width="{WIDTH:.0f}" height="{HEIGHT}" '
        f'preserveAspectRatio="none" role="img" aria-label="{escaped(said or "nothing")}">'
        f"<title>{escaped(said or 'nothing')}</title>" + "".join(_shapes(parts, whole)) + "</svg>"
    )


def _shapes(parts: Sequence[Part], whole: float) -> Iterator[str]:
    for number, piece in enumerate(pieces(parts, whole)):
        edge = _EDGE if number and piece.width > 2 * _EDGE else 0.0
        yield (
            f'<rect x="{plain(piece.left + edge)}" width="{plain(max(piece.width - edge, _EDGE / 2))}" '
            f'height="{HEIGHT}" {painted(piece.part.tone)}/>'
        )
