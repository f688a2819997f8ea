"""What a comparison of data sets found, as its ``results.json`` and ``scores.jsonl`` have it."""

from __future__ import annotations

from msgspec import Struct

from reasonmed.documents import Document
from reasonmed.errors import UsageError

VERSION = 1
AT_LEAST = (6, 7, 8, 9)
"""Scores from which on a share of the rows is counted."""
SHOWN = 8
"""The one of them that tables show."""


class Estimate(Struct, frozen=True):
    """A value with its 95 % interval, clustered by question."""

    value: float
    low: float
    high: float

    @property
    def decides(self) -> bool:
        """Whether the interval is on one side of 0."""
        return self.low > 0 or self.high < 0


class Scored(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A drawn row and its score: a line of ``scores.jsonl``."""

    set: str
    id: str
    """The record's, as ``import`` names it."""
    question: str
    """Hash of the question, by which sets are paired."""
    words: int
    response: bool = False
    """Whether it has a response beside its reasoning."""
    score: int | None = None
    justification: str = ""
    """The judge's, or why there is no score."""


class Matched(Struct, frozen=True):
    """A difference between rows of about equal length."""

    difference: Estimate
    rows: int
    """Rows of both sets that have one of the other set in their class of length."""


class Paired(Struct, frozen=True):
    """A difference on the questions that both sets have in the sample."""

    questions: int
    difference: Estimate
    p: float
    """Of a sign-flip test over questions."""
    corrected: float
    """The same, corrected for the number of sets by Holm's method."""


class Difference(Struct, frozen=True, kw_only=True):
    """The first set's mean score less another one's. Figures are None where too few rows show them."""

    first: str
    second: str
    difference: Estimate | None
    matched: Matched | None
    paired: Paired | None


class SetResults(Struct, frozen=True, kw_only=True):
    """A data set: what became of each of its rows, and the scores of those that were drawn."""

    name: str
    file: str
    rows: int
    usable: int
    unusable: dict[str, int]
    """Rows that have nothing to score, by reason."""
    examples: list[str]
    """The first of them, in full."""
    drawn: int
    scored: int
    unscored: dict[str, int]
    """Drawn rows without a score, by reason."""
    questions: int
    """Distinct questions of the scored rows."""
    with_options: int
    with_response: int
    """Both of the drawn rows."""
    mean: Estimate | None
    median: Estimate | None
    at_least: dict[str, Estimate]
    """Shares of rows with this score or a higher one."""
    scores: dict[str, int]
    words: float | None
    """The median of the scored rows."""
    slope: Estimate | None
    """Points of score for a row that is e times as long."""


class Comparison(Struct, frozen=True, kw_only=True):
    """Data sets compared by one judge."""

    version: int
    reasonmed: str
    judge: str
    demo: bool
    prompt: str
    """The hash of the template."""
    seed: int
    asked: int
    """Rows of each set that were asked for."""
    n: int
    """Rows of each set that were drawn: no more than the smallest set has."""
    with_key: bool
    """Whether the judge saw the keys, which it does where every drawn row has one."""
    sets: list[SetResults]
    differences: list[Difference]
    slope: Estimate | None
    """As of a set, of all rows, each compared within its set."""
    calls: int
    tokens: int
    spent_usd: float | None


RESULTS = Document(
    "comparison of data sets",
    Comparison,
    UsageError,
    "make one with `reasonmed score SET --against SET -o DIR`",
    ("version", (VERSION,)),
)
