"""What a judge is worth in a set of chains of which reviewers saw a sample under each verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.pipeline.judging.shares import Estimate, estimate
from reasonmed.report.statistics.strata import DRAWS, Strata, over, rogan_gladen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reasonmed.report.statistics.strata import Stratum

ACCEPTED, REJECTED = "correct", "error"


class JudgeInSet:
    """What a judge is worth in a set of chains, as functions of the share of right ones under each verdict.

    Args:
        strata: chains by verdict, each with those that reviewers called right or not; ``correct`` is the first.
    """

    def __init__(self, strata: Mapping[str, Stratum], *, draws: int = DRAWS) -> None:
        self._strata = Strata(list(strata.values()), draws=draws)
        self._first = self._strata.sizes[0]
        names = list(strata)
        self._rejected = names.index(REJECTED) if REJECTED in names else None
        self.size = sum(self._strata.sizes)
        self.accepted = self._first / self.size

    def of(self, value: Callable[[Sequence[float]], float | None]) -> Estimate:
        """A value with its interval."""
        found = self._strata.value(value)
        return Estimate(None, 0.0, 1.0) if found is None else estimate(found)

    def sensitivity(self, shares: Sequence[float]) -> float | None:
        """The share of right chains that it accepts."""
        return over(self._first * shares[0], self._strata.sum(shares))

    def specificity(self, shares: Sequence[float]) -> float | None:
        """The share of wrong chains that it does not accept."""
        passed = over(self._first * (1 - shares[0]), self.size - self._strata.sum(shares))
        return None if passed is None else 1 - passed

    def truly_right(self, shares: Sequence[float]) -> float | None:
        """The share of right chains, from that of accepted ones."""
        sensitivity, specificity = self.sensitivity(shares), self.specificity(shares)
        if sensitivity is None or specificity is None:
            return over(self._strata.sum(shares), self.size)
        return rogan_gladen(self.accepted, sensitivity, specificity)

    def accepted_wrong(self, shares: Sequence[float]) -> float | None:
        """The share of accepted chains that are wrong."""
        right, sensitivity = self.truly_right(shares), self.sensitivity(shares)
        if right is None:
            return None
        return 1 - (sensitivity or 0.0) * right / self.accepted

    def rejects(self, shares: Sequence[float]) -> float | None:
        """The share of wrong chains that it rejects: an undecided one counts against it."""
        at = self._rejected
        thrown = 0.0 if at is None else self._strata.sizes[at] * (1 - shares[at])
        return over(thrown, self.size - self._strata.sum(shares))

    def kappa(self, shares: Sequence[float]) -> float | None:
        """Cohen's kappa with the reviewers, over chains that it accepts or rejects."""
        if self._rejected is None:
            return None
        rejected, passed = self._strata.sizes[self._rejected], shares[self._rejected]
        total = self._first + rejected
        right = self._first * shares[0] + rejected * passed
        observed = (self._first * shares[0] + rejected * (1 - passed)) / total
        chance = (self._first * right + rejected * (total - right)) / total**2
        return (observed - chance) / (1 - chance) if chance < 1 else None
