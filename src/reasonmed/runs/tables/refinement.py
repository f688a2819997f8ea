"""Refined records before and after, paired: their lengths, and their scores where the scorer saw both texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Count
from reasonmed.parsing.steps import split_steps
from reasonmed.runs.tables.shapes import Mean, Table, mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.runs.tables.shapes import Seen

_MEASURES = ("score", "words", "steps")


class Refined(Struct, frozen=True):
    """A measure of refined records and of the chains that they stem from; ``change`` is of pairs."""

    measure: str
    records: Count
    """Refined records."""
    pairs: Count
    before: Mean
    after: Mean
    change: Mean


class Refinement:
    """Compares refined records with the chains that they stem from."""

    def __init__(self) -> None:
        self._records = 0
        self._pairs = Counter[str]()
        self._found: defaultdict[tuple[str, int], Counter[tuple[float, int]]] = defaultdict(Counter)

    def add(self, one: Seen) -> None:
        """Compare those of a question."""
        pairs: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for number, kept in enumerate((one.story.kept or ())[: one.records], 1):
            if kept.origin != "refine" or kept.parent is None:
                continue
            self._records += 1
            old = one.story.chains[kept.parent].text
            pairs["words"].append((len(old.split()), len(kept.text.split())))
            pairs["steps"].append((len(split_steps(old)), len(split_steps(kept.text))))
            before, after = one.originals.get(number), one.scores.get(number)
            if before is not None and after is not None:
                pairs["score"].append((before, after))
        for measure, own in pairs.items():
            self._pairs[measure] += len(own)
            sums = (sum(old for old, _ in own), sum(new for _, new in own), sum(new - old for old, new in own))
            for side, value in enumerate(sums):
                self._found[measure, side][value, len(own)] += 1

    def tables(self) -> Iterator[Table]:
        """One table; empty where no record is refined."""
        rows = [self._row(measure) for measure in _MEASURES] if self._records else []
        note = "score: by the run's scorer on both texts, where `score.originals` of the recipe asks it for the older"
        yield Table("refinement", "Refined records before and after", rows, (note,))

    def _row(self, measure: str) -> Refined:
        before, after, change = (mean(self._found.get((measure, side), Counter())) for side in range(3))
        return Refined(measure, self._records, self._pairs[measure], before, after, change)
