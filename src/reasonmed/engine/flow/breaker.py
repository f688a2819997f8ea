"""A circuit breaker: an endpoint that answers nothing is left alone, and probed now and then."""

from __future__ import annotations

_FAILURES = 5
"""So many faults of the service in a row, with no reply between, open the breaker."""
_FIRST_PROBE, _LAST_PROBE = 1.0, 30.0
"""Seconds until the first probe; twice as long after each probe that fails, up to the last."""


class Breaker:
    """Whether an endpoint is up, by what came of the requests to it."""

    __slots__ = ("_failures", "_next_probe", "_opened", "_pause", "last_success")

    def __init__(self, now: float) -> None:
        self.last_success = now
        self._failures = 0
        self._pause = _FIRST_PROBE
        self._next_probe = self._opened = now

    @property
    def open(self) -> bool:
        """Whether the endpoint is taken to be down."""
        return self._failures >= _FAILURES

    @property
    def shaken(self) -> bool:
        """Whether the last reply did not come."""
        return self._failures > 0

    def wait(self, now: float) -> float:
        """Seconds until a request may go out: 0 when the endpoint is up, or a probe is due."""
        return max(0.0, self._next_probe - now) if self.open else 0.0

    def sent(self, now: float) -> None:
        """A request goes out; while the endpoint is down it is the probe, and the next one waits."""
        if self.open:
            self._next_probe = now + self._pause

    def succeeded(self, now: float) -> None:
        """The endpoint answered: it is up."""
        self.last_success = now
        self._failures = 0
        self._pause = _FIRST_PROBE

    def failed(self, now: float, sent: float) -> None:
        """The endpoint was not there, did not answer, or answered with a fault of its own.

        A request that was open already when the breaker opened says nothing new: only a failed probe doubles the pause.
        """
        if self.open and sent < self._opened:
            return
        if self.open:
            self._pause = min(_LAST_PROBE, self._pause * 2)
        else:
            self._opened = now
        self._failures += 1
        self._next_probe = now + self._pause
