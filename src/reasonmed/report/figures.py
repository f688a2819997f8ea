"""Shares and intervals as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MINUTE = 60


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


def duration(seconds: float) -> str:
    """Seconds for people: ``8 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    minutes, rest = divmod(whole, _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // _MINUTE} h {minutes % _MINUTE:02d} min"
