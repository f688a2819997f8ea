"""Tables of a judge card, and its shares and estimates as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.report.figures import between, decimal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.pipeline.judging.shares import Estimate, Share


class Section(NamedTuple):
    """A table with its title and a note."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def told(one: Share) -> str:
    """A share for people: ``0.83 (0.61 to 0.94), 15 of 18``."""
    if one.share is None:
        return "none counted"
    return f"{decimal(one.share)} ({between(one.low, one.high, decimal)}), {one.count} of {one.of}"


def estimated(one: Estimate) -> str:
    """An estimate for people."""
    if one.value is None:
        return "not defined"
    return f"{decimal(one.value)} ({between(one.low, one.high, decimal)})"
