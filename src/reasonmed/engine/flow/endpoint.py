"""One address of a model, with what it bears: window, rates, breaker."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.engine.flow.breaker import Breaker
from reasonmed.engine.flow.bucket import Bucket
from reasonmed.engine.flow.window import Window
from reasonmed.errors import BackendError, Overloaded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reasonmed.backends import Backend
    from reasonmed.types import Completion, Request

_BYTES_A_TOKEN = 4
_LONG_QUEUE = 5.0
"""Seconds in the server's own queue that count as a refusal."""
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


class Rates(NamedTuple):
    """What an endpoint allows a minute; None where it says nothing."""

    requests: float | None = None
    tokens: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None


class Estimate(NamedTuple):
    """What a request will take, as far as is known before."""

    input_tokens: float
    output_tokens: float


class Endpoint:
    """One address, and the requests that are open at it.

    Args:
        name: for people.
        backend: what sends the requests.
        ceiling: the most requests that may be open at it.
        rates: what it allows a minute.
        clock: the time in seconds.
    """

    def __init__(self, name: str, backend: Backend, ceiling: int, rates: Rates, clock: Callable[[], float]) -> None:
        self.name, self.backend, self.clock = name, backend, clock
        now = clock()
        self.window, self.breaker = Window(ceiling), Breaker(now)
        self.in_flight = 0
        self._held_until = now
        self._mean_output: float | None = None
        self._buckets = [
            (Bucket(rate, now), spent) for rate, spent in zip(rates, _SPENT, strict=True) if rate is not None
        ]
        if hasattr(backend, "listener"):
            backend.listener = self._note_headers

    def estimate(self, request: Request) -> Estimate:
        """The request's tokens: a quarter of its bytes in, the mean of past replies out."""
        if not self._buckets:
            return _NOTHING
        size = sum(len(message.content) for message in request.messages)
        limit = request.sampling.max_tokens
        return Estimate(size / _BYTES_A_TOKEN, limit if self._mean_output is None else min(limit, self._mean_output))

    def wait(self, estimate: Estimate, now: float) -> float:
        """Seconds until a request may go out; infinite while the window is full."""
        if self.in_flight >= self.window.size:
            return float("inf")
        longest = max(self.breaker.wait(now), self._held_until - now, 0.0)
        for bucket, spent in self._buckets:
            longest = max(longest, bucket.wait(spent(estimate), now))
        return longest

    def begin(self, estimate: Estimate, now: float) -> None:
        """A request goes out."""
        self.in_flight += 1
        self.breaker.sent(now)
        for bucket, spent in self._buckets:
            bucket.spend(spent(estimate), now)

    def answered(self, estimate: Estimate, completion: Completion) -> None:
        """A request was answered: the endpoint is up, and the estimate is put right."""
        now = self.clock()
        self.breaker.succeeded(now)
        if (completion.queue_seconds or 0.0) > _LONG_QUEUE:
            self.window.refused(now, self.in_flight)
        else:
            self.window.ok(now, self.in_flight)
        if self._buckets:
            self._settle(estimate, completion, now)

    def failed(self, estimate: Estimate, error: BackendError) -> None:
        """A request was not answered."""
        now = self.clock()
        if isinstance(error, Overloaded):
            self.window.refused(now, self.in_flight)
            unspent = Estimate(-estimate.input_tokens, -estimate.output_tokens)
            for bucket, spent in self._buckets[:]:
                if spent is not _one:
                    bucket.spend(spent(unspent), now)
        elif error.retryable:
            self.breaker.failed(now)
        else:
            self.breaker.succeeded(now)

    def ended(self) -> None:
        """A request is no longer open."""
        self.in_flight -= 1

    def _settle(self, estimate: Estimate, completion: Completion, now: float) -> None:
        if completion.completion_tokens is not None:
            written = float(completion.completion_tokens)
            self._mean_output = written if self._mean_output is None else 0.95 * self._mean_output + 0.05 * written
            seen = completion.prompt_tokens if completion.prompt_tokens is not None else estimate.input_tokens
            over = Estimate(seen - estimate.input_tokens, written - estimate.output_tokens)
            for bucket, spent in self._buckets:
                if spent is not _one:
                    bucket.spend(spent(over), now)

    def _note_headers(self, headers: Mapping[str, str]) -> None:
        """Hold new requests until the reset that the endpoint announces, once nothing remains."""
        for what in ("requests", "tokens"):
            if headers.get(f"x-ratelimit-remaining-{what}") == "0":
                reset = seconds_of(headers.get(f"x-ratelimit-reset-{what}", ""))
                self._held_until = max(self._held_until, self.clock() + reset)


def seconds_of(text: str) -> float:
    """A duration as rate limit headers write it: ``6m0s``, ``120ms``, ``1.5``; 0 for anything else."""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    match = _DURATION.fullmatch(text.strip())
    if match is None or not match[0]:
        return 0.0
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def _one(_: Estimate) -> float:
    return 1.0


_SPENT: tuple[Callable[[Estimate], float], ...] = (
    _one,
    lambda estimate: estimate.input_tokens + estimate.output_tokens,
    lambda estimate: estimate.input_tokens,
    lambda estimate: estimate.output_tokens,
)
_NOTHING = Estimate(0.0, 0.0)
