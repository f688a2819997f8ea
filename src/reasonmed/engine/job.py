"""A job: rows, what is done with each, and how rows and outcomes are kept. The engine knows no more of either."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from reasonmed.backends import Backend

Row = TypeVar("Row")
Outcome = TypeVar("Outcome")
Models: TypeAlias = Mapping[str, Backend]
"""Models that are connected, by the names that a job gives them."""


class Kept(NamedTuple):
    """What a ledger keeps of an outcome: what is counted without reading it, and the whole of it."""

    key: str
    tier: str | None
    reason: str | None
    records: int
    right: int
    wrong: int
    undecided: int
    missing: int
    unsampled: int
    prechecked: int
    whole: bytes
    canaries: tuple[int, int, int] | None = None
    """Planted chains that were accepted, rejected, undecided."""
    multiples: Mapping[str, bool] | None = None
    """By model whether all its samples are equal."""


class Score(NamedTuple):
    """What a ledger keeps of an outcome that is a score; None where the judge gave none."""

    record: str
    score: int | None
    justification: str
    model: str


@dataclass(frozen=True, kw_only=True)
class Job(Generic[Row, Outcome]):
    """Rows of a kind and the work on each of them."""

    key: Callable[[Row], str]
    """The name of a row, of which a ledger has one."""
    hash: Callable[[Row], bytes]
    """The identity of a row: of everything that may not change under its key."""
    encode: Callable[[Row], bytes]
    decode: Callable[[bytes], Row]
    """Both between a row and what a ledger keeps of it; `decode` raises Refused for what is torn."""
    renewed: Callable[[Row, bool, bytes], bytes | None]
    """What a ledger keeps of a row or, where the second argument says so, of its outcome, corrected by the row as its
    file has it now; None where there is nothing to correct."""
    keep: Callable[[Outcome], Kept | Score]
    """What a ledger keeps of an outcome."""
    work: Callable[[Models], Callable[[Row], Awaitable[Outcome]]]
    """What is done with a row, on models that are connected."""
