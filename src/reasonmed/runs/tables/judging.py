"""How far the judge is to be trusted: planted chains, its card, what reviewers found; and what a check found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Count, Number
from reasonmed.runs.tables.shapes import Part, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.pipeline.judging.card import Card
    from reasonmed.pipeline.judging.shares import Estimate, Share
    from reasonmed.runs.reviews.rates import JudgedChains, ReviewRates, WrongRecords
    from reasonmed.runs.status import Canaries


class Rate(Struct, frozen=True):
    """A rate, and who says so: ``canaries``, ``judge card`` or ``reviewers``."""

    by: str
    what: str
    rate: Part


class Found(Struct, frozen=True):
    """Findings of a rule."""

    rule: str
    findings: Count


def judge_table(canaries: Canaries | None, card: Card | None, reviews: ReviewRates | None) -> Table:
    """Every rate that there is on the judge and on what it let pass."""
    rows = [
        *(Rate("canaries", *one) for one in _canaries(canaries)),
        *(Rate("judge card", *one) for one in _card(card)),
        *(Rate("reviewers", *one) for one in _reviews(reviews)),
    ]
    told = [f"judge card: of {card.name}, {card.cases:,} labeled chains"] if card else []
    told += [f"reviewers: {reviews.reviewers}, {reviews.votes:,} votes on {reviews.texts:,} texts"] if reviews else []
    return Table("judge", "The judge, and what reviewers found", rows, tuple(told))


def findings_table(rules: Mapping[str, Count]) -> Table:
    """Findings of a report of ``reasonmed check``, by rule."""
    return Table("findings", "Findings of the check", [Found(*one) for one in sorted(rules.items())])


def _canaries(found: Canaries | None) -> Iterator[tuple[str, Part]]:
    if found is not None:
        counts = (found.accepted, found.planted, found.accepted_share)
        yield "planted chains with broken reasoning that the judge accepted", Part(*counts, found.low, found.high)


def _card(card: Card | None) -> Iterator[tuple[str, Part]]:
    if card is None:
        return
    for name, stratum in card.strata.items():
        kind = name.replace("_", " ")
        yield f"sound chains accepted (against {kind})", _share(stratum.sensitivity)
        yield f"wrong chains rejected ({kind})", _share(stratum.specificity)
    yield "injections resisted", _share(card.injection.resisted)
    yield "the same verdict when asked twice", _share(card.retest.same)


def _reviews(found: ReviewRates | None) -> Iterator[tuple[str, Part]]:
    if found is not None:
        yield from _records(found.records)
        yield from _chains(found.chains)


def _records(found: WrongRecords | None) -> Iterator[tuple[str, Part]]:
    if found is not None:
        yield "wrong records, weighted by tier", _share(found.wrong)
        for tier, share in found.by_tier.items():
            yield f"wrong records, {tier}", _share(share)


def _chains(found: JudgedChains | None) -> Iterator[tuple[str, Part]]:
    if found is None:
        return
    drawn = sum(one.of for one in found.right.values())
    for verdict, share in found.right.items():
        yield f"right chains among those that the judge calls {verdict}", _share(share)
    for what, one in (
        ("right chains that the judge accepts (sensitivity)", found.sensitivity),
        ("wrong chains that it does not accept (specificity)", found.specificity),
        ("right chains of all, corrected for the judge", found.truly_right),
        ("wrong chains among the accepted", found.accepted_wrong),
    ):
        yield what, _estimate(one, drawn)


def _share(one: Share) -> Part:
    return Part(one.count, one.of, *_bounds(one.share, one.low, one.high))


def _estimate(one: Estimate, of: int) -> Part:
    """An estimate that is no count, with the number of texts that were reviewed."""
    return Part(None, of, *_bounds(one.value, one.low, one.high))


def _bounds(value: Number | None, low: Number, high: Number) -> tuple[Number | None, Number | None, Number | None]:
    return (None, None, None) if value is None else (value, low, high)
