"""Short stems compared word by word and letter by letter, by rapidfuzz (extra ``check``)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from reasonmed.errors import UsageError
from reasonmed.questions.contamination.minhash import NEEDS

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST = 24
"""A stem of more words is no short one."""
_RARE = 0.01
_SPELLING = 88.0
_PREFIXES = ("hyper", "hypo", "anti", "non", "un", "in", "ir", "dys", "a")


class Fuzzy:
    """Compares stems.

    Args:
        stems: the masked words of all entries; None for entries of which there are only hashes.

    Raises:
        UsageError: rapidfuzz is missing.
    """

    def __init__(self, stems: Sequence[Sequence[str] | None]) -> None:
        try:
            from rapidfuzz import fuzz
        except ImportError as missing:
            raise UsageError(f"the fuzzy comparison {NEEDS}") from missing
        self._stems = stems
        self._ratio, self._sorted = fuzz.ratio, fuzz.token_sort_ratio
        known = [stem for stem in stems if stem is not None]
        self._held_by = Counter(word for stem in known for word in set(stem))
        self._rare = max(1, int(_RARE * len(known)))

    def similarity(self, number: int, words: Sequence[str], least: float) -> float:
        """How equal two short stems are, 0 to 1; 0 below ``least``, for long ones and for different subjects."""
        stem = self._stems[number]
        if stem is None or not 0 < len(stem) <= LONGEST or not 0 < len(words) <= 2 * LONGEST:
            return 0.0
        one, other = " ".join(stem), " ".join(words)
        found = max(
            self._ratio(one, other, score_cutoff=100 * least), self._sorted(one, other, score_cutoff=100 * least)
        )
        return 0.0 if not found or self._swapped(set(stem), set(words)) else found / 100

    def _swapped(self, stem: set[str], words: set[str]) -> bool:
        """Whether a rare word of either stem has no counterpart in the other: another disease, another drug."""
        missing = [word for word in stem - words if self._telling(word) and not self._spelled(word, words)]
        added = [word for word in words - stem if self._telling(word) and not self._spelled(word, stem)]
        return bool(missing and added)

    def _telling(self, word: str) -> bool:
        return len(word) > 1 and self._held_by[word] <= self._rare

    def _spelled(self, word: str, others: set[str]) -> bool:
        """Whether another word is the same one in another spelling or number."""
        return any(self._ratio(word, other) >= _SPELLING and not _opposite(word, other) for other in others)


def _opposite(word: str, other: str) -> bool:
    """Whether two words differ by a prefix that turns the meaning round, as hypothyroidism and hyperthyroidism do."""
    (prefix, rest), (another, remains) = _split(word), _split(other)
    return prefix != another and rest == remains


def _split(word: str) -> tuple[str, str]:
    prefix = next((one for one in _PREFIXES if word.startswith(one)), "")
    return prefix, word.removeprefix(prefix)
