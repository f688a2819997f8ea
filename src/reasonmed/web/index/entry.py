"""What the index keeps of a question."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

FACETS = {
    "state": "State",
    "agreement": "Models",
    "answer": "Answer",
    "benchmark": "Benchmark",
    "subject": "Subject",
    "split": "Split",
    "table": "File",
    "tier": "Tier",
    "failure": "Failure",
    "source": "Source",
    "license": "License",
    "model": "Model",
    "verdict": "Verdict",
    "step_error": "Step error",
    "score": "Score",
    "flag": "Flag",
    "finding": "Finding",
    "review": "Review",
}
"""What questions are filtered by, with the words that a page has for it; a source has values of some of them. The last
two come from other files."""


SEPARATOR = "\x1f"
"""Between the parts of a tally's name: no name of a model has it."""
_BEGINNING = 400


def beginning(stem: str) -> str:
    """As much of a question as a list shows of it."""
    return " ".join(stem.split())[:_BEGINNING]


class Texts(NamedTuple):
    """What is searched: the question with its options, its chains of thought, and what judges said of these."""

    stem: str
    chains: str = ""
    verdicts: str = ""


class Entry(NamedTuple):
    """A question as the index has it.

    ``outcome`` is what became of it, in one word; ``facets`` has the values of each of ``FACETS``; ``tallies`` are
    counts that are added up over all questions, by a name of the source's own. ``score`` is the mean of its records'.
    """

    id: str
    stem: str
    outcome: str
    texts: Texts
    facets: Mapping[str, Collection[str]]
    records: int = 0
    wrong: int = 0
    score: float | None = None
    tallies: Mapping[str, int] = {}


class Step(NamedTuple):
    """An entry, and how far the source has been read once it is in the index."""

    entry: Entry
    marks: dict[str, int]


class Indexed(Protocol):
    """What an index is made from."""

    @property
    def index_path(self) -> Path:
        """Where its index is."""
        ...

    def stamp(self) -> str:
        """Another word whenever an index that was made before is of no use any more."""
        ...

    def total(self) -> int:
        """How many questions there are."""
        ...

    def steps(self, marks: Mapping[str, int]) -> Iterator[Step]:
        """Entries that came after these marks, new ones and those that have changed."""
        ...
