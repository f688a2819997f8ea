"""The error rate of a whole run, from what reviewers said of texts that were drawn at random.

Records are estimated directly, weighted by tier. Of chains of thought, reviewed where the judge said correct and where
it said error, follows what the judge is worth, and with that the true shares of all chains (Rogan and Gladen).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Count, Number
from reasonmed.pipeline.judging.shares import Estimate, Share, clustered
from reasonmed.report.statistics.strata import DRAWS, Stratum, pooled
from reasonmed.runs.reviews.judge import ACCEPTED, REJECTED, JudgeInSet
from reasonmed.runs.reviews.rulings import rulings_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.reviews.rulings import Ruling, Rulings

NO_TIER = "none"


class WrongRecords(Struct, frozen=True):
    """The share of records that are not right as they are."""

    of: Count
    """Records of the run that the sample speaks for: those of the tiers that it has."""
    wrong: Share
    """Of those drawn: how many are wrong; the share is weighted by tier."""
    by_tier: dict[str, Share]
    beyond: dict[str, Count] = {}
    """Records of tiers of which none was drawn."""


class JudgedChains(Struct, frozen=True):
    """The chains of thought of a run, corrected for the errors of its judge.

    ``sensitivity`` is the share of right chains that the judge accepts, ``specificity`` that of wrong ones that it does
    not accept; both are weighted by how many chains each verdict has.
    """

    of: Count
    """Chains of the run that the sample speaks for: those with a verdict of which some were drawn."""
    right: dict[str, Share]
    """Of those drawn, by the judge's verdict: how many reviewers call right."""
    sensitivity: Estimate
    specificity: Estimate
    accepted: Number
    """The share that the judge accepts."""
    truly_right: Estimate
    """The share that is right: ``accepted`` corrected for sensitivity and specificity."""
    accepted_wrong: Estimate
    """The share of accepted ones that are wrong: 1 - sensitivity * truly_right / accepted."""
    beyond: dict[str, Count] = {}
    """Chains with a verdict of which none was drawn."""


class ReviewRates(Struct, frozen=True):
    """What reviewers found in a run. Each rate is None where its sample is missing."""

    roles: dict[str, Count]
    """Reviewers by role."""
    votes: Count
    texts: Count
    """Texts with a ruling."""
    at_random: Count
    """Those of them that were drawn at random; no other is in any rate."""
    tied: Count
    stale: Count
    gone: Count
    deferred: Count
    records: WrongRecords | None
    chains: JudgedChains | None

    @property
    def reviewers(self) -> int:
        """How many reviewers' votes count."""
        return sum(self.roles.values())


def rates_in(folder: Path, ledger: Ledger) -> ReviewRates | None:
    """The rates of a run directory; None where nobody has voted.

    Raises:
        RunDirectoryError: the file of votes is damaged.
    """
    found = rulings_in(folder, ledger)
    return None if found is None else rates_of(found, ledger)


def rates_of(found: Rulings, ledger: Ledger) -> ReviewRates:
    """The rates that rulings come to, given how many records and chains the run has."""
    drawn = [one for one in found.texts if one.at_random]
    tiers = {tier or NO_TIER: count for tier, count in ledger.records_by_tier().items()}
    sums = ledger.sums()
    verdicts = {ACCEPTED: sums.right, REJECTED: sums.wrong, "undecided": sums.undecided}
    return ReviewRates(
        roles=found.roles,
        votes=len(found.votes),
        texts=len(found.texts),
        at_random=len(drawn),
        tied=len(found.tied),
        stale=len(found.stale),
        gone=len(found.gone),
        deferred=found.deferred,
        records=wrong_records(drawn, tiers),
        chains=judged_chains(drawn, verdicts),
    )


def wrong_records(drawn: Sequence[Ruling], tiers: Mapping[str, int], *, draws: int = DRAWS) -> WrongRecords | None:
    """The share of wrong records, from those drawn and the number of all by tier."""
    seen = _seen(drawn, "record", lambda one: str(one.story.tier or NO_TIER), right=False)
    strata = {tier: Stratum(size, seen[tier]) for tier, size in tiers.items() if seen[tier]}
    rate = pooled(list(strata.values()), draws=draws)
    if rate is None:
        return None
    pairs = [pair for one in strata.values() for pair in one.seen]
    return WrongRecords(
        of=sum(one.size for one in strata.values()),
        wrong=Share(sum(wrong for _, wrong in pairs), len(pairs), *rate),
        by_tier={tier: clustered(one.seen) for tier, one in strata.items()},
        beyond={tier: size for tier, size in tiers.items() if size and tier not in strata},
    )


def judged_chains(drawn: Sequence[Ruling], verdicts: Mapping[str, int], *, draws: int = DRAWS) -> JudgedChains | None:
    """The true shares of chains, from those drawn and the number of all by verdict.

    None unless accepted and rejected ones were drawn: of accepted ones alone follows no specificity.
    """
    seen = _seen(drawn, "chain", lambda one: one.outcome, right=True)
    strata = {name: Stratum(size, seen[name]) for name, size in verdicts.items() if size and seen[name]}
    if not {ACCEPTED, REJECTED} <= strata.keys():
        return None
    judge = JudgeInSet(strata, draws=draws)
    return JudgedChains(
        of=judge.size,
        right={name: clustered(one.seen) for name, one in strata.items()},
        sensitivity=judge.of(judge.sensitivity),
        specificity=judge.of(judge.specificity),
        accepted=judge.accepted,
        truly_right=judge.of(judge.truly_right),
        accepted_wrong=judge.of(judge.accepted_wrong),
        beyond={name: size for name, size in verdicts.items() if size and name not in strata},
    )


def _seen(
    drawn: Sequence[Ruling], kind: str, named: Callable[[Ruling], str], *, right: bool
) -> defaultdict[str, list[tuple[str, bool]]]:
    """Whether each text of a kind is right, or is not, with its question, by stratum."""
    found: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for one in drawn:
        if one.target.kind == kind:
            found[named(one)].append((one.question, one.right == right))
    return found
