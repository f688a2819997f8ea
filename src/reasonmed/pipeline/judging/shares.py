"""Shares and estimates with their intervals, as a judge card's JSON has them."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

import msgspec

from reasonmed.documents import Count, Number
from reasonmed.report.statistics.agreement import proportion
from reasonmed.report.statistics.intervals import mean_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.report.statistics.intervals import Interval


class Share(msgspec.Struct, frozen=True):
    """So many of so many, with the share and its 95 % Wilson interval; the share is None of nothing."""

    count: Count
    of: Count
    share: Number | None
    low: Number
    high: Number


class Estimate(msgspec.Struct, frozen=True):
    """A value with its 95 % interval; None where it is not defined."""

    value: Number | None
    low: Number
    high: Number


def share(count: int, of: int) -> Share:
    """A share of independent cases."""
    found = proportion(count, of)
    return Share(count, of, None if isnan(found.value) else found.value, found.low, found.high)


def clustered(found: Sequence[tuple[str, bool]]) -> Share:
    """A share of cases that belong to questions, with an interval that takes those of one question together.

    It is never narrower than that of as many independent cases: a few questions may look alike by chance.
    """
    alone = share(sum(one for _, one in found), len(found))
    if not found:
        return alone
    rate = mean_rate([float(one) for _, one in found], [question for question, _ in found])
    return msgspec.structs.replace(alone, low=min(alone.low, rate.low), high=max(alone.high, rate.high))


def estimate(found: Interval) -> Estimate:
    """A value that may not be a number."""
    return Estimate(None if isnan(found.value) else found.value, found.low, found.high)
