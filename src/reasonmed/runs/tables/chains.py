"""Right and wrong chains of thought by model, temperature and source."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Count
from reasonmed.runs.tables.shapes import NONE, Clusters, Part, Table, named, ordered, part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.runs.tables.shapes import Key, Seen
    from reasonmed.types import ChainOfThought


class Judged(Struct, frozen=True):
    """Chains of one kind; ``right`` is the share of correct ones among those judged correct or error."""

    model: str
    temperature: str
    source: str
    chains: Count
    correct: Count
    error: Count
    undecided: Count
    missing: Count
    unjudged: Count
    right: Part


class Chains:
    """Counts generated chains of thought."""

    def __init__(self) -> None:
        self._outcomes: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        self._right = Clusters()

    def add(self, one: Seen) -> None:
        """Count a question's chains."""
        judged = []
        for chain in one.story.chains:
            for key in _keys(chain, one.source):
                self._outcomes[key][chain.outcome] += 1
                if chain.outcome in ("correct", "error"):
                    judged.append((key, float(chain.outcome == "correct")))
        self._right.add(judged)

    def tables(self) -> Iterator[Table]:
        """One table: each kind alone, models at their temperatures, and all together."""
        rows = [self._row(key) for key in ordered(self._outcomes)]
        note = "right: the share of correct chains among those judged correct or error"
        yield Table("chains", "Right and wrong chains of thought", rows, (note,))

    def _row(self, key: Key) -> Judged:
        (model, temperature, source), found = named(key), self._outcomes[key]
        return Judged(
            model,
            temperature,
            source,
            found.total(),
            found["correct"],
            found["error"],
            found["undecided"],
            found["missing"],
            found["unjudged"],
            part(self._right.of(key)),
        )


def _keys(chain: ChainOfThought, source: str) -> list[Key]:
    heat = NONE if chain.temperature is None else f"{chain.temperature:g}"
    alone: list[Key] = [(chain.model, None, None), (None, heat, None), (None, None, source), (None, None, None)]
    return [*alone, (chain.model, heat, None), (chain.model, None, source)]
