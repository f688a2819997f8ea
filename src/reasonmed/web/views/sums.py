"""The sums of a run's index under names: what its overview adds up, question by question.

A name has parts. The first is its kind; the last may be anybody's words (a source, a model), whatever is in them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.web.index.entry import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

NANO = 1_000_000_000
"""Parts of a dollar in which money is added up, since sums are whole numbers."""
TIERS = ("easy", "medium", "difficult")
NO_TIER, UNFINISHED = "none", "unfinished"
"""In the place of a tier: it failed before it had one, or goes on."""
NO_MODEL = "none"
"""In the place of a model: there is no chain of thought."""
_PARTS = {"question": 5, "chain": 5, "model": 3, "step": 3, "score": 3, "scored": 2, "usage": 4}
"""Parts of the name of each kind of sum."""


class Kind(NamedTuple):
    """Questions of one kind: their tier, how they ended, whether they have chains of thought, and their source."""

    tier: str
    end: str
    """``finished``, ``unfinished``, or why it failed."""
    chains: str
    """``chains`` or ``bare``."""
    source: str

    @property
    def state(self) -> str:
        """The state as the list of questions has it."""
        return self.end if self.end in ("finished", UNFINISHED) else "failed"


class Chains(NamedTuple):
    """Chains of thought of one kind."""

    tier: str
    temperature: str
    verdict: str
    """``correct``, ``error``, ``undecided``, ``conflict``, ``missing`` or ``unjudged``."""
    model: str


class Sums:
    """All sums of a run.

    Args:
        tallies: as the index has them; names that are not a run's are left out.
    """

    def __init__(self, tallies: Mapping[str, int]) -> None:
        found: dict[str, dict[tuple[str, ...], int]] = {kind: {} for kind in _PARTS}
        for name, count in tallies.items():
            kind, *_ = name.split(SEPARATOR, 1)
            parts = tuple(name.split(SEPARATOR, _PARTS.get(kind, 1) - 1)[1:])
            if kind in found and count > 0 and len(parts) == _PARTS[kind] - 1:
                found[kind][parts] = count
        self.questions = {Kind(*parts): count for parts, count in found["question"].items()}
        self.chains = {Chains(*parts): count for parts, count in found["chain"].items()}
        self._found = found

    def by_model(self) -> dict[str, Counter[str]]:
        """Questions with a chain of a model, by model and tier."""
        return _two(self._found["model"])

    def step_errors(self) -> list[tuple[str, int, int]]:
        """Types of step errors: steps, and questions with one; the most frequent first."""
        counts = _two(self._found["step"])
        return sorted(((kind, one["steps"], one["questions"]) for kind, one in counts.items()), key=lambda one: -one[1])

    def scores(self) -> dict[str, Counter[str]]:
        """Records by their score (``none`` for none) and tier."""
        return _two(self._found["score"])

    def scored(self) -> dict[str, int]:
        """Questions with a record of a score, by score."""
        return {score: count for (score,), count in self._found["scored"].items()}

    def records(self) -> Counter[str]:
        """Records by tier."""
        found = Counter[str]()
        for (tier, _), count in self._found["score"].items():
            found[tier] += count
        return found

    def usage(self) -> dict[str, dict[str, Counter[str]]]:
        """What calls took: by stage and tier, the sums of ``calls``, ``in``, ``out`` (tokens) and ``nano`` (USD)."""
        found: dict[str, dict[str, Counter[str]]] = {}
        for (tier, unit, stage), count in self._found["usage"].items():
            found.setdefault(stage, {}).setdefault(tier, Counter())[unit] += count
        return found


def _two(counts: Mapping[tuple[str, ...], int]) -> dict[str, Counter[str]]:
    """Sums by the last part of a name, and in it by the one before."""
    found: dict[str, Counter[str]] = {}
    for parts, count in counts.items():
        found.setdefault(parts[-1], Counter())[parts[0]] += count
    return found
