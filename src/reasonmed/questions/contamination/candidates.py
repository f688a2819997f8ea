"""Which entries of the benchmarks are worth a comparison: they share rare n-grams, options or a signature's bands."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from reasonmed.questions.contamination.minhash import Neighbors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.questions.contamination.fingerprint import Fingerprint

COMMON = 20
"""An n-gram or option of more entries than this is a turn of phrase ("none of the above"), and tells nothing."""
_NEIGHBOR = 0.6


class Candidates:
    """Entries, to be found by what they hold.

    Args:
        entries: the fingerprints of all benchmarks.
        signed: whether their signatures are searched.
    """

    def __init__(self, entries: Sequence[Fingerprint], *, signed: bool) -> None:
        self.by_exact: dict[str, list[int]] = defaultdict(list)
        self.by_stem: dict[str, list[int]] = defaultdict(list)
        self._by_gram: dict[bytes, list[int]] = defaultdict(list)
        self._by_option: dict[str, list[int]] = defaultdict(list)
        self.neighbors = Neighbors([one.signature for one in entries], _NEIGHBOR) if signed else None
        for number, entry in enumerate(entries):
            self.by_exact[entry.exact].append(number)
            self.by_stem[entry.stem].append(number)
            for gram in entry.gram_set():
                self._by_gram[gram].append(number)
            for option in entry.options:
                self._by_option[option].append(number)
        self.telling = {name for name, found in self._by_option.items() if len(found) <= COMMON}
        """Options that are few entries' own."""
        self.distinct = [self._distinct(entry) for entry in entries]
        """The n-grams of each entry that are few entries' own; all of them where none is."""

    def _distinct(self, entry: Fingerprint) -> frozenset[bytes]:
        own = entry.gram_set()
        return frozenset(gram for gram in own if len(self._by_gram[gram]) <= COMMON) or own

    def by_grams(self, grams: Iterable[bytes]) -> list[int]:
        """Entries that share any of these n-grams."""
        return sorted({number for gram in grams for number in self._by_gram.get(gram, ())})

    def telling_grams(self, grams: Iterable[bytes]) -> frozenset[bytes]:
        """Those n-grams that are few entries' own, or nobody's."""
        return frozenset(gram for gram in grams if len(self._by_gram.get(gram, ())) <= COMMON)

    def alike(self, options: Iterable[str], signature: bytes) -> list[int]:
        """Entries that share telling options, or have a signature that may be similar."""
        found = {number for option in options if option in self.telling for number in self._by_option[option]}
        return sorted(found.union(self.neighbors.near(signature) if self.neighbors else ()))
