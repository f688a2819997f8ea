"""Requests or tokens a minute: a bucket that fills steadily, and never more than the rate within any minute."""

from __future__ import annotations

from collections import deque

_BURST = 6.0
"""Seconds' worth of the rate that may be spent at once."""
_MINUTE = 60.0
_DUST = 1e-6
"""Below what any rate counts: sums of spent amounts are rounded."""


class Bucket:
    """A rate limit.

    Args:
        per_minute: how much may be spent a minute.
        now: the time at which it is full.
    """

    __slots__ = ("_at", "_last_minute", "_level", "_most", "_size", "_spent", "rate")

    def __init__(self, per_minute: float, now: float) -> None:
        self._allow(per_minute)
        self._level, self._at = self._size, now
        self._last_minute: deque[tuple[float, float]] = deque()
        """What was spent within the last minute, and when."""
        self._spent = 0.0

    def _allow(self, per_minute: float) -> None:
        self.rate = per_minute / _MINUTE
        self._most = per_minute
        self._size = max(1.0, self.rate * _BURST)

    def allow(self, per_minute: float, now: float) -> None:
        """Have another rate from now on."""
        self._fill(now)
        self._allow(per_minute)
        self._level = min(self._size, self._level)

    def wait(self, amount: float, now: float) -> float:
        """Seconds until so much may be spent; an amount above the rate waits for a minute in which nothing was."""
        self._fill(now)
        missing = min(amount, self._size) - self._level
        return max(0.0, missing / self.rate, self._until_room(min(amount, self._most), now))

    def spend(self, amount: float, now: float) -> None:
        """Take an amount out, also more than is there: later ones wait for it. A negative amount gives back."""
        self._fill(now)
        self._level = min(self._size, self._level - amount)
        if amount > 0:
            self._last_minute.append((now, amount))
            self._spent += amount
        else:
            self._give_back(-amount)

    def _give_back(self, amount: float) -> None:
        """Take it off what was spent first: that is forgotten first, so that too much rather than too little counts."""
        while self._last_minute and amount > 0:
            at, spent = self._last_minute.popleft()
            less = min(spent, amount)
            amount -= less
            self._spent -= less
            if less < spent:
                self._last_minute.appendleft((at, spent - less))

    def _until_room(self, amount: float, now: float) -> float:
        over = self._spent + amount - self._most
        for at, spent in self._last_minute if over > _DUST else ():
            over -= spent
            if over <= _DUST:
                return at + _MINUTE - now
        return 0.0

    def _fill(self, now: float) -> None:
        self._level = min(self._size, self._level + (now - self._at) * self.rate)
        self._at = now
        while self._last_minute and self._last_minute[0][0] <= now - _MINUTE:
            self._spent -= self._last_minute.popleft()[1]
        if not self._last_minute:
            self._spent = 0.0
