"""Chains of thought as tokens with a label a step, and what is counted of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.training.tokens import MASKED

if TYPE_CHECKING:
    from collections.abc import Sequence

RIGHT = "right_steps"
"""In logs: the share of steps that are labeled right."""


class Labeled(NamedTuple):
    """A chain as tokens."""

    row: int
    """Its place in the file, from 0."""
    ids: list[int]
    ends: list[int]
    """The places of the last tokens of its steps: all that has a label."""
    ok: tuple[bool, ...]

    @property
    def learned(self) -> int:
        """Its steps: one label each."""
        return len(self.ends)

    @property
    def labels(self) -> list[int]:
        """One for each token: that of a step at its last one, and none at all others."""
        found = [MASKED] * len(self.ids)
        for end, ok in zip(self.ends, self.ok, strict=True):
            found[end] = int(ok)
        return found

    def __len__(self) -> int:
        return len(self.ids)


def counts(chains: Sequence[Labeled]) -> Counter[bool]:
    """Steps that are ok, and steps that are not."""
    return Counter(ok for chain in chains for ok in chain.ok)
