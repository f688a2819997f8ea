"""Batch jobs and their results as plain data, whoever the provider is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from reasonmed.backends.openai import Answer

State = Literal["running", "ended", "failed"]


class Label(NamedTuple):
    """What a batch is known by on this side, before its provider gives it an id."""

    token: str
    """Its own, drawn."""
    run: str
    """The run's."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A batch as its provider reports it; None where it does not."""

    id: str
    state: State
    status: str
    """The provider's word for it."""
    token: str | None = None
    run: str | None = None
    requests: int | None = None
    answered: int | None = None
    failed: int | None = None
    created: float | None = None
    results: tuple[str, ...] = ()
    """The paths of its files of results."""
    problem: str = ""
    """Why it failed as a whole."""
    busy: bool = False
    """Whether it failed since too much is queued already."""

    @property
    def canceling(self) -> bool:
        """Whether it is about to end with what is done."""
        return self.status in ("cancelling", "canceling")


class Line(NamedTuple):
    """A line of results: what a request was answered with, as its provider answers online."""

    name: str
    answer: Answer | None
    """None where the request was not tried: the batch expired or was canceled before."""
    why: str = ""


class Torn(NamedTuple):
    """A line of results that cannot be read."""

    text: str
