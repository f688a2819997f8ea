"""Shares and intervals as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def percent(share: float, digits: int = 1) -> str:
    """A share in percent: ``12.3%``."""
    return f"{share:.{digits}%}"


def interval(low: float | None, high: float | None, shown: Callable[[float], str]) -> str:
    """The bounds behind a value, ``; 1.2% to 3.4%``; nothing where there are none."""
    return "" if low is None or high is None else f"; {shown(low)} to {shown(high)}"
