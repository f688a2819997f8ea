"""What a live view shows: traffic by stage, faults by class."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from reasonmed.errors import ReasonMedError, RequestRejected
    from reasonmed.exchange import Completion, Request


class Traffic:
    """One stage's requests so far in this process."""

    __slots__ = ("completion_tokens", "done", "in_flight", "prompt_tokens", "replayed", "waiting")

    def __init__(self) -> None:
        self.waiting = self.in_flight = self.done = self.replayed = 0
        self.prompt_tokens = self.completion_tokens = 0


class Rejected(NamedTuple):
    """How many requests were rejected, and what the endpoint said of the last of them."""

    requests: int
    said: str


class Meter:
    """Counts of one process."""

    def __init__(self) -> None:
        self.stages: defaultdict[str, Traffic] = defaultdict(Traffic)
        self.faults: Counter[str] = Counter()
        self.last_error: str | None = None
        """What an endpoint last said or did in the place of a reply."""
        self.rejected: dict[tuple[str, str], Rejected] = {}
        """The recorded rejections that this process met, by model and class."""
        self.busy = 0
        """Requests that are asked for and not answered yet, without those that wait for an equal one."""
        self.moved = time.monotonic()
        """When ``busy`` last changed."""
        self.batched: dict[str, int] = {}
        """Requests in batch jobs: ``held`` for one, and ``submitted``; and how many ``batches`` these are in."""
        self.spent = 0.0
        self.unpriced = 0
        self.notes: list[str] = []
        """What a person should be told as it happens."""

    def move(self, more: int) -> None:
        """So many more requests are asked for, or fewer."""
        self.busy += more
        self.moved = time.monotonic()

    def failed(self, error: ReasonMedError) -> None:
        """A request was not answered with a reply."""
        self.last_error = str(error)

    def refused(self, request: Request, rejected: RequestRejected) -> None:
        """A request is rejected for its own fault, now or in an earlier session."""
        name = (request.model, rejected.kind)
        before = self.rejected.get(name)
        self.rejected[name] = Rejected(before.requests + 1 if before else 1, str(rejected))

    def replayed(self, request: Request) -> None:
        """A request was answered from the ledger."""
        self.stages[request.stage].replayed += 1

    def answered(self, request: Request, completion: Completion) -> None:
        """A request was answered by its endpoint."""
        stage = self.stages[request.stage]
        stage.done += 1
        stage.prompt_tokens += completion.prompt_tokens or 0
        stage.completion_tokens += completion.completion_tokens or 0
