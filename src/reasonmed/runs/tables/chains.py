"""Right and wrong chains of thought by model, temperature and source."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Count
from reasonmed.runs.tables.shapes import NONE, Clusters, Part, Table, named, ordered, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


class Outcomes:
    """Counts chains of thought by model, temperature, source and outcome; a data card counts with it too."""

    def __init__(self) -> None:
        self._found: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)

    def add(self, chains: Iterable[ChainOfThought], source: str) -> None:
        """Count the chains of a question."""
        for chain in chains:
            self._found[chain.model, _heat(chain), source][chain.outcome] += 1

    def by_key(self) -> dict[Key, Counter[str]]:
        """Chains by outcome of every kind that has a row."""
        found: defaultdict[Key, Counter[str]] = defaultdict(Counter)
        for kind, counts in self._found.items():
            for key in _keys(*kind):
                found[key].update(counts)
        return found

    def by_model(self) -> dict[str, dict[str, int]]:
        """Chains by model and outcome, both in their order."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for (model, _, _), counts in self._found.items():
            found[model].update(counts)
        return {model: dict(sorted(counts.items())) for model, counts in sorted(found.items())}


class Chains:
    """Counts generated chains of thought."""

    def __init__(self) -> None:
        self._outcomes = Outcomes()
        self._right = Clusters()

    def add(self, one: Seen) -> None:
        """Count a question's chains."""
        chains = one.story.chains
        self._outcomes.add(chains, one.source)
        judged = (chain for chain in chains if chain.outcome in ("correct", "error"))
        self._right.add(
            (key, float(chain.outcome == "correct"))
            for chain in judged
            for key in _keys(chain.model, _heat(chain), one.source)
        )

    def tables(self) -> Iterator[Table]:
        """One table: each kind alone, models at their temperatures, and all together."""
        found = self._outcomes.by_key()
        rows = [self._row(key, found[key]) for key in ordered(found)]
        note = "right: the share of correct chains among those judged correct or error"
        yield Table("chains", "Right and wrong chains of thought", rows, (note,))

    def _row(self, key: Key, found: Counter[str]) -> Judged:
        model, temperature, source = named(key)
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


def _heat(chain: ChainOfThought) -> str:
    return NONE if chain.temperature is None else f"{chain.temperature:g}"


def _keys(model: str, heat: str, source: str) -> list[Key]:
    alone: list[Key] = [(model, None, None), (None, heat, None), (None, None, source), (None, None, None)]
    return [*alone, (model, heat, None), (model, None, source)]
