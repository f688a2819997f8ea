"""Shares and intervals as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def percent(share: float, digits: int = 1) -> str:
    """A share in percent: ``12.3%``."""
    return f"{share:.{digits}%}"


def decimal(value: float) -> str:
    """A number with two places: ``0.83``."""
    return f"{value:.2f}"


def between(low: float, high: float, shown: Callable[[float], str]) -> str:
    """Two bounds: ``1.2% to 3.4%``."""
    return f"{shown(low)} to {shown(high)}"


def interval(low: float | None, high: float | None, shown: Callable[[float], str]) -> str:
    """The bounds behind a value, ``; 1.2% to 3.4%``; nothing where there are none."""
    return "" if low is None or high is None else f"; {between(low, high, shown)}"
