"""What charts have in common that are drawn without matplotlib: their tones, and how texts and numbers get in.

Tones are variables of ``style.css``, so that a chart is light or dark as the page is. Pure functions: the same markup
from the same numbers.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Literal, get_args

from reasonmed.documents import visible
from reasonmed.report.page import Html

if TYPE_CHECKING:
    from collections.abc import Mapping

Tone = Literal["plain", "good", "bad", "open", "mixed", "gray", "faint", "low", "middle", "high"]
"""What a part of a chart means: an outcome, or a place in an order (``low``, ``middle``, ``high``: one hue, deeper)."""
TONES: tuple[Tone, ...] = get_args(Tone)
_PAINTS: Mapping[Tone, tuple[str, str]] = {
    "plain": ("--chart-1", "1"),
    "good": ("--good", "1"),
    "bad": ("--bad", "1"),
    "open": ("--open", "1"),
    "mixed": ("--chart-4", "1"),
    "gray": ("--chart-6", "1"),
    "faint": ("--chart-6", "0.4"),
    "low": ("--chart-1", "0.36"),
    "middle": ("--chart-1", "0.66"),
    "high": ("--chart-1", "1"),
}


def painted(tone: Tone, strength: float = 1.0) -> str:
    """The attributes that fill a shape."""
    variable, opacity = _PAINTS[tone]
    return f'fill="var({variable})" fill-opacity="{plain(float(opacity) * strength)}"'


def plain(number: float) -> str:
    """A coordinate, as short as it is exact enough."""
    return f"{number:.2f}".rstrip("0").rstrip(".")


def escaped(text: str) -> str:
    """A text as part of the markup, in an attribute too."""
    return html.escape(visible(text))


def swatch(tone: Tone) -> Html:
    """The mark of a tone in a legend."""
    return Html(
        f'<svg width="12" height="12" aria-hidden="true" focusable="false"><rect width="12" height="12" rx="2" '
        f"{painted(tone)}/></svg>"
    )
