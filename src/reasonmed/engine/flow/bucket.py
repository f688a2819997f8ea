"""Requests or tokens a minute, as a bucket that fills steadily; what was estimated too high is given back."""

from __future__ import annotations

_BURST = 6.0
"""Seconds' worth of the rate that may be spent at once."""


class Bucket:
    """A rate limit.

    Args:
        per_minute: how much may be spent a minute.
        now: the time at which it is full.
    """

    __slots__ = ("_at", "_level", "_size", "rate")

    def __init__(self, per_minute: float, now: float) -> None:
        self.rate = per_minute / 60
        self._size = max(1.0, self.rate * _BURST)
        self._level, self._at = self._size, now

    def wait(self, amount: float, now: float) -> float:
        """Seconds until so much may be spent; an amount larger than the bucket waits until it is full."""
        self._fill(now)
        missing = min(amount, self._size) - self._level
        return max(0.0, missing / self.rate)

    def spend(self, amount: float, now: float) -> None:
        """Take an amount out, also more than is there: later ones wait for it. A negative amount gives back."""
        self._fill(now)
        self._level = min(self._size, self._level - amount)

    def _fill(self, now: float) -> None:
        self._level = min(self._size, self._level + (now - self._at) * self.rate)
        self._at = now
