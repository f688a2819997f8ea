"""What a live view shows: traffic by stage, faults by class."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonmed.types import Completion, Request


class Traffic:
    """One stage's requests so far in this process."""

    __slots__ = ("completion_tokens", "done", "in_flight", "prompt_tokens", "replayed", "waiting")

    def __init__(self) -> None:
        self.waiting = self.in_flight = self.done = self.replayed = 0
        self.prompt_tokens = self.completion_tokens = 0


class Meter:
    """Counts of one process."""

    def __init__(self) -> None:
        self.stages: defaultdict[str, Traffic] = defaultdict(Traffic)
        self.faults: Counter[str] = Counter()
        self.spent = 0.0
        self.unpriced = 0
        self.notes: list[str] = []
        """What a person should be told as it happens."""

    def replayed(self, request: Request) -> None:
        """A request was answered from the ledger."""
        self.stages[request.stage].replayed += 1

    def answered(self, request: Request, completion: Completion) -> None:
        """A request was answered by its endpoint."""
        stage = self.stages[request.stage]
        stage.done += 1
        stage.prompt_tokens += completion.prompt_tokens or 0
        stage.completion_tokens += completion.completion_tokens or 0
