"""Adaptive concurrency: how many requests an endpoint bears at once.

Additive increase, multiplicative decrease, by the share of refusals (429, 503, time in the server's queue) in the last
round of replies: a stray refusal slows one request, many shrink the window. The size that failed is remembered and
approached again only slowly.
"""

from __future__ import annotations

_DECREASE = 0.75
_REFUSED_SHARE = 0.10
"""A round with a larger share of refusals shrinks the window."""
_LEAST_ROUND = 16
_STEPS = 32
"""So many full rounds lead from nothing back to the ceiling."""
_FORGET = 60.0
"""Seconds after which a size that failed is no longer remembered."""


class Window:
    """The number of requests that may be open.

    Args:
        ceiling: the most that may ever be open.
    """

    __slots__ = ("_failed_at", "_failed_size", "_ok", "_refused", "ceiling", "size")

    def __init__(self, ceiling: int) -> None:
        self.ceiling = ceiling
        self.size = float(ceiling)
        self._ok = self._refused = 0
        self._failed_size, self._failed_at = float("inf"), float("-inf")

    def limit(self, ceiling: int) -> None:
        """Set the most that may be open from now on; a person's word counts at once."""
        self.ceiling, self.size = ceiling, float(ceiling)
        self._ok = self._refused = 0

    def ok(self, now: float, open_now: int) -> None:
        """A request was answered while so many were open."""
        self._ok += 1
        if self._ok + self._refused >= self._round:
            self._turn(now, open_now)

    def refused(self, now: float, open_now: int) -> None:
        """A request was turned away, or waited long in the server's queue."""
        self._refused += 1
        if self._ok + self._refused >= self._round:
            self._turn(now, open_now)

    @property
    def _round(self) -> float:
        return max(_LEAST_ROUND, self.size)

    def _turn(self, now: float, open_now: int) -> None:
        """The end of a round: shrink, or grow if the window was in use."""
        share = self._refused / (self._ok + self._refused)
        self._ok = self._refused = 0
        if share > _REFUSED_SHARE:
            self._failed_size, self._failed_at = self.size, now
            self.size = max(1.0, min(self.size, float(open_now)) * _DECREASE)
        elif open_now >= self.size - 1 and self.size < self.ceiling:
            self.size = min(float(self.ceiling), self.size + self._step(now))

    def _step(self, now: float) -> float:
        near = now - self._failed_at < _FORGET and self.size + 1 >= self._failed_size * (1 - _REFUSED_SHARE)
        return 1.0 if near else max(1.0, self.ceiling / _STEPS)
