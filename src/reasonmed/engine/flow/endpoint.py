"""One address of a model, with what it bears: window, rates, breaker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.backends._waits import held_for
from reasonmed.engine.flow.breaker import Breaker
from reasonmed.engine.flow.bucket import Bucket
from reasonmed.engine.flow.rejections import Rejections
from reasonmed.engine.flow.window import Window
from reasonmed.errors import Overloaded, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reasonmed.backends import Backend
    from reasonmed.errors import BackendError
    from reasonmed.exchange import Completion, Request

_BYTES_A_TOKEN = 4
_LONG_QUEUE = 5.0
"""Seconds in the server's own queue that count as a refusal."""
LONGEST_WAIT = 600.0
"""The longest wait that an endpoint may ask for, in seconds; then it is asked again."""


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
        self.window, self.breaker, self.rejections = Window(ceiling), Breaker(now), Rejections()
        self.in_flight = 0
        self.reached = False
        """Whether anything ever came from it."""
        self.heard = float("-inf")
        """When it last answered anything, an error among it."""
        self.last_error: BackendError | None = None
        self._held_until = self._asked_until = now
        self._mean_output: float | None = None
        self._rates = [rate for rate in rates if rate is not None]
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

    def share(self, part: float) -> None:
        """Use so much of what the endpoint allows a minute: others have the rest."""
        for rate, (bucket, _) in zip(self._rates, self._buckets, strict=True):
            bucket.allow(rate * part, self.clock())

    def wait(self, estimate: Estimate, now: float) -> float:
        """Seconds until a request may go out; infinite while the window is full."""
        if self.in_flight >= self.window.size or self.rejections.doubtful:
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

    @property
    def mute(self) -> bool:
        """Whether the last connection to it was not made in the time that there is for one."""
        error = self.last_error
        return isinstance(error, Unreachable) and error.kind == "timeout" and not error.connected

    @property
    def held_until(self) -> float:
        """Until when the endpoint asked to be left alone, for all requests or for those that it turned away."""
        return max(self._held_until, self._asked_until)

    def answered(self, estimate: Estimate, completion: Completion, sent: float) -> None:
        """A request that went out at this time was answered: the endpoint is up, and the estimate is put right."""
        now = self.clock()
        self._hear(now)
        self._asked_until = now
        self.rejections.answered(sent)
        self.breaker.succeeded(now)
        if (completion.queue_seconds or 0.0) > _LONG_QUEUE:
            self.window.refused(now, self.in_flight)
        else:
            self.window.ok(now, self.in_flight)
        if self._buckets:
            self._settle(estimate, completion, now)

    def refused(self) -> None:
        """A request was answered with a refusal: the endpoint is up."""
        now = self.clock()
        self._hear(now)
        self.breaker.succeeded(now)

    def failed(self, estimate: Estimate, error: BackendError, sent: float) -> None:
        """A request that went out at this time was not answered."""
        now = self.clock()
        self.last_error = error
        self.reached = self.reached or not isinstance(error, Unreachable) or error.connected
        if isinstance(error, Overloaded):
            self._hear(now)
            if error.retry_after is not None:
                self._asked_until = max(self._asked_until, now + min(error.retry_after, LONGEST_WAIT))
            self.window.refused(now, self.in_flight)
            unspent = Estimate(-estimate.input_tokens, -estimate.output_tokens)
            for bucket, spent in self._buckets[:]:
                if spent is not _one:
                    bucket.spend(spent(unspent), now)
        else:
            self.breaker.failed(now, sent)

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
        now = self.clock()
        self._hear(now)
        self._held_until = max(self._held_until, now + min(held_for(headers), LONGEST_WAIT))

    def _hear(self, now: float) -> None:
        self.reached, self.heard = True, now


def _one(_: Estimate) -> float:
    return 1.0


_SPENT: tuple[Callable[[Estimate], float], ...] = (
    _one,
    lambda estimate: estimate.input_tokens + estimate.output_tokens,
    lambda estimate: estimate.input_tokens,
    lambda estimate: estimate.output_tokens,
)
_NOTHING = Estimate(0.0, 0.0)
