"""Whose fault a rejection is: held until the endpoint has answered another request, or rejects everything.

A key without credit, a wrong model or a parameter that the endpoint does not take look like a fault of the request, and
recorded they would cost every question. So a rejection is the request's own only once the endpoint answers a request
that was sent after it. A run that ends before that asks again.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import NamedTuple

from reasonmed.errors import ControlError, CredentialRejected, Drained, ModelNotServed, RequestRejected

_UNPROVEN = 3
"""Rejections in a row, before the first success, that end the run."""
_PROVEN, _QUESTIONS = 8, 4
"""Rejections in a row after a success that end the run, over at least so many questions."""
_KEY = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PAYMENT_REQUIRED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)
Refusal = RequestRejected | ControlError


class _Held(NamedTuple):
    question: str
    error: Refusal
    at: float
    verdict: asyncio.Future[None]


class Rejections:
    """What one endpoint rejected, until it is known whose fault that is."""

    __slots__ = ("_held", "_row", "answers", "proven")

    def __init__(self) -> None:
        self.proven = False
        """Whether the endpoint ever answered this model's requests, in this run or an earlier session of it."""
        self.answers = False
        """Whether it did in this session."""
        self._held: list[_Held] = []
        self._row: list[tuple[str, Refusal]] = []

    @property
    def held(self) -> int:
        """Rejections that wait."""
        return sum(not one.verdict.done() for one in self._held)

    @property
    def doubtful(self) -> bool:
        """Whether nothing new is to be sent until what is open has ended."""
        return not self.proven and len(self._row) >= _UNPROVEN

    def add(self, question: str, error: Refusal, now: float) -> asyncio.Future[None]:
        """Hold a rejection; the future is done once it is the request's own fault."""
        verdict: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append(_Held(question, error, now, verdict))
        self._row.append((question, error))
        return verdict

    def answered(self, sent: float) -> None:
        """A request that was sent at this time was answered: what was rejected before was so for its own fault."""
        self.proven = self.answers = True
        self._row.clear()
        if self._held:
            self._release([one for one in self._held if one.at <= sent])
            self._held = [one for one in self._held if one.at > sent]

    def guilt(self, in_flight: int) -> ControlError | None:
        """Why the run is to end, where the endpoint rejects whatever it is sent; None where it does not, or not yet."""
        if self.doubtful:
            return None if in_flight else self._reason()
        questions = {question for question, _ in self._row}
        return self._reason() if len(self._row) >= _PROVEN and len(questions) >= _QUESTIONS else None

    def conclude(self) -> ControlError | None:
        """Nothing more is to come: the rejections are the requests' own, or the reason for the run to end."""
        if not self.held:
            return None
        if not self.proven:
            return self._reason()
        refused = next((one.error for one in self._held if isinstance(one.error, ControlError)), None)
        if refused is not None and not self.answers:
            return refused
        self._release(self._held)
        self._held = []
        return None

    def drop(self) -> None:
        """The run is to end: nothing of this is recorded."""
        for one in self._held:
            if not one.verdict.done():
                one.verdict.set_exception(Drained("the run takes no new requests"))
        self._held = []

    @staticmethod
    def _release(held: list[_Held]) -> None:
        for one in held:
            if not one.verdict.done():
                one.verdict.set_result(None)

    def _reason(self) -> ControlError:
        error = self._row[-1][1]
        if isinstance(error, ControlError):
            return error
        count, questions = len(self._row), len({question for question, _ in self._row})
        many = f"{count} requests in a row, over {questions} question{'' if questions == 1 else 's'}, were"
        since = "and none was answered since" if self.proven else "before any was answered"
        kind = CredentialRejected if error.status in _KEY else ModelNotServed
        told = f"{'the first request was' if count == 1 else many} rejected {since}; none of it is recorded: {error}"
        return kind(told, error.status)
