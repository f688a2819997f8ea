"""Calls, tokens and money by stage and tier; and what the run would have cost without routing.

Routing decides what happens after a tier is known. So the calls before (chains of thought, verdicts) cost the same
whatever the way; each question's calls after are replaced by the mean of the questions that went the other way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from math import sqrt
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Amount, Count, Number
from reasonmed.report.statistics.intervals import CONFIDENCE
from reasonmed.report.statistics.students_t import quantile
from reasonmed.runs.tables.shapes import TIERS, Table, named, ordered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.runs.tables.shapes import Key, Seen

_NOTES = (
    "calls before the tier is known cost what they cost; those after it cost the mean of the questions of that tier",
    (
        "bounds hold the spread of what these cost, not that easier questions may need fewer rounds of the same way: "
        "try that with `route: all_difficult` on a sample"
    ),
)


class Cost(Struct, frozen=True):
    """What a stage's calls for the questions of a tier took; ``usd`` is None where a call has no known price."""

    stage: str
    tier: str
    questions: Count
    calls: Count
    reused: Count
    tokens_in: Count
    tokens_out: Count
    usd: Amount | None
    usd_a_question: Amount | None
    seconds: Amount


class Routing(Struct, frozen=True):
    """What a way of all questions takes; ``low`` and ``high`` bound ``usd`` (95 %), from the spread over questions."""

    way: str
    questions: Count
    """Those with a tier."""
    from_questions: Count
    """Of which the mean is: those that went this way."""
    calls: Count
    tokens_in: Count
    tokens_out: Count
    usd: Amount | None
    low: Number | None
    high: Number | None
    times: Number | None
    """Its USD over those of the run as it was; its tokens over those where no price is known."""


class _Sum:
    """Sums over the questions of one kind."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        self.usd = self.squares = self.seconds = 0.0

    def add(self, own: _Sum) -> None:
        """Add what one question took."""
        self.counts.update(own.counts)
        self.counts["questions"] += 1
        self.usd += own.usd
        self.squares += own.usd**2
        self.seconds += own.seconds

    @property
    def priced(self) -> float | None:
        """USD, where every call has a price."""
        return None if self.counts["unpriced"] else self.usd


class Costs:
    """Adds up what calls took.

    Args:
        way: the way that all questions of the run went, where the recipe says so; None where their tiers decide.
    """

    def __init__(self, way: str | None = None) -> None:
        self._way = way
        self._stages: defaultdict[Key, _Sum] = defaultdict(_Sum)
        self._before, self._after = _Sum(), {tier: _Sum() for tier in TIERS}

    def add(self, one: Seen) -> None:
        """Add what a question took."""
        stages: defaultdict[str, _Sum] = defaultdict(_Sum)
        before, after, whole = _Sum(), _Sum(), _Sum()
        for spent in one.spent:
            told = {
                "calls": spent.calls,
                "reused": spent.reused,
                "tokens_in": spent.tokens_in,
                "tokens_out": spent.tokens_out,
                "unpriced": spent.unpriced,
            }
            for own in (stages[spent.stage], after if spent.later else before, whole):
                own.counts.update(told)
                own.usd += spent.usd
                own.seconds += spent.seconds
        for stage, own in stages.items():
            self._stages[stage, one.tier].add(own)
            self._stages[stage, None].add(own)
        self._stages[None, one.tier].add(whole)
        self._stages[None, None].add(whole)
        if one.tier not in TIERS:
            after, before = _Sum(), whole
        else:
            self._after[self._way or one.tier].add(after)
        self._before.add(before)

    def tables(self) -> Iterator[Table]:
        """Both tables."""
        rows = [self._row(key) for key in ordered(self._stages)]
        yield Table("costs", "Calls, tokens and money by stage and tier", rows)
        yield Table("routing", "What routing costs and saves", list(self._ways()), _NOTES)

    def _row(self, key: Key) -> Cost:
        (stage, tier), found = named(key), self._stages[key]
        questions = found.counts["questions"]
        return Cost(
            stage,
            tier,
            questions,
            found.counts["calls"],
            found.counts["reused"],
            found.counts["tokens_in"],
            found.counts["tokens_out"],
            found.priced,
            None if found.priced is None else found.priced / questions,
            found.seconds,
        )

    def _ways(self) -> Iterator[Routing]:
        routed = sum(one.counts["questions"] for one in self._after.values())
        spent = _scaled([(self._before, 1.0), *((one, 1.0) for one in self._after.values())])
        if routed:
            yield _routing("as it was", (routed, routed), spent, None, spent)
        for tier in TIERS:
            went = self._after[tier]
            own = went.counts["questions"]
            if own:
                whole = _scaled([(self._before, 1.0), (went, routed / own)])
                yield _routing(f"all {tier}", (routed, own), whole, _half(went, routed - own), spent)


def _scaled(parts: list[tuple[_Sum, float]]) -> _Sum:
    """The sum of parts, each times its count."""
    found = _Sum()
    for one, times in parts:
        found.counts.update({name: round(count * times) for name, count in one.counts.items()})
        found.usd += one.usd * times
    return found


def _routing(way: str, questions: tuple[int, int], took: _Sum, half: float | None, spent: _Sum) -> Routing:
    usd = took.priced
    known = bool(usd) and half is not None
    size, was = (usd, spent.usd) if usd and spent.priced else (_tokens(took), _tokens(spent))
    return Routing(
        way,
        *questions,
        took.counts["calls"],
        took.counts["tokens_in"],
        took.counts["tokens_out"],
        usd,
        max(0.0, took.usd - half) if known and half is not None else None,
        took.usd + half if known and half is not None else None,
        size / was if was else None,
    )


def _tokens(one: _Sum) -> int:
    return one.counts["tokens_in"] + one.counts["tokens_out"]


def _half(went: _Sum, others: int) -> float | None:
    """Half the prediction interval of the cost of these questions, from the spread of those that went this way."""
    n = went.counts["questions"]
    if n < 2:  # noqa: PLR2004 - a variance takes two
        return None
    variance = max(0.0, went.squares - went.usd**2 / n) / (n - 1)
    return quantile(CONFIDENCE, n - 1) * sqrt(variance * (others**2 / n + others))
