"""Models against each other, as ``results.json`` has them."""

from __future__ import annotations

from msgspec import Struct

from reasonmed.evaluation.scores import Rate


class Unread(Struct, frozen=True):
    """Shares of answers that were cut, unparsed or failed, and how much of a difference is against such answers."""

    first: float
    second: float
    difference: float


class Margin(Struct, frozen=True):
    """Whether a loss of more than the margin is ruled out."""

    margin: float
    low: float
    p: float
    p_holm: float = 1.0


class Difference(Struct, frozen=True, kw_only=True):
    """The second model against the first on one benchmark, paired by question."""

    n: int
    distinct: int = 0
    unpaired: int = 0
    first: float
    second: float
    majority: list[float] | None = None
    difference: Rate
    differing: int = 0
    always: list[str | None] = []
    unread: Unread = Unread(0.0, 0.0, 0.0)
    only_first: int = 0
    only_second: int = 0
    p: float
    detectable: float | None = None
    margin: Margin | None = None
    trained_on: int = 0
    p_holm: float = 1.0
    words: str = ""


class Comparison(Struct, frozen=True, kw_only=True):
    """One model against another."""

    first: str
    second: str
    subset: str = ""
    remarks: list[str]
    trained_on: int = 0
    benchmarks: dict[str, Difference]


class Perturbed(Struct, frozen=True, kw_only=True):
    """A model on the questions of a benchmark that qualify for a perturbation, as they are and perturbed.

    ``compared`` is the perturbed answers against the unperturbed ones: what is below 0 is a drop.
    """

    perturbation: str
    model: str
    benchmark: str
    answers: int
    """Answers to the perturbed questions."""
    unperturbed: Rate
    perturbed: Rate
    compared: Difference


class Headline(Struct, frozen=True, kw_only=True):
    """A model against its base: what may be said of its training."""

    model: str
    base: str
    by: str = ""
    subset: str = ""
    remarks: list[str]
    trained_on: int = 0
    benchmarks: dict[str, Difference]
