"""The order of the questions in an export, and the range of pass rates that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from reasonmed.errors import UsageError
from reasonmed.runs.pass_rate import pass_rate_of
from reasonmed.types import digest

if TYPE_CHECKING:
    from reasonmed.types import Story

Order = Literal["given", "easy-first", "hard-first", "random"]
ORDERS: tuple[Order, ...] = ("given", "easy-first", "hard-first", "random")
_SIGN = {"easy-first": -1, "hard-first": 1}


def place_of(story: Story, order: Order, seed: int) -> tuple[bool, float, str]:
    """Where a question comes: by its pass rate, without one last; equal ones, and all in ``random``, by a hash."""
    name = story.question.id
    rate = pass_rate_of(story).value if order in _SIGN else 0.0
    return rate is None, _SIGN.get(order, 0) * (rate or 0.0), digest((seed, name))


def outside(story: Story, wanted: tuple[float, float] | None) -> str | None:
    """Why a question is left out for its pass rate; None where it is not."""
    if wanted is None:
        return None
    rate = pass_rate_of(story).value
    if rate is None:
        return "no_pass_rate"
    return None if wanted[0] <= rate <= wanted[1] else "pass_rate"


def parse_pass_rate(text: str) -> tuple[float, float]:
    """The least and the greatest pass rate, from ``0.1,0.9``.

    Raises:
        UsageError: they are not two numbers from 0 to 1, the smaller one first.
    """
    try:
        bounds = tuple(float(part) for part in text.split(","))
    except ValueError:
        bounds = ()
    match bounds:
        case (least, most) if 0 <= least <= most <= 1:
            return least, most
    raise UsageError(f"--pass-rate {text!r}: it must be the least and the greatest rate, from 0 to 1, as 0.1,0.9")
