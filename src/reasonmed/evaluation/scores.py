"""What a model came to, as ``results.json`` has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from reasonmed.evaluation.forms import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Rate(Struct, frozen=True):
    """A rate between 0 and 1 with its 95 % interval."""

    value: float
    low: float
    high: float


class Part(Struct, frozen=True):
    """Accuracy on some of the questions."""

    n: int
    accuracy: Rate | None


class Tokens(Struct, frozen=True):
    """How long replies are."""

    mean: float
    median: float
    most: int


class Length(Struct, frozen=True):
    """Accuracy on questions whose replies are about this long."""

    n: int
    tokens: float
    accuracy: Rate


class Samples(Struct, frozen=True):
    """What ``k`` answers to each question would have come to."""

    k: int
    majority: float
    passed: float = field(name="pass")


class Limited(Struct, frozen=True):
    """Accuracy had replies been no longer than this."""

    tokens: int
    accuracy: float


class Calibration(Struct, frozen=True):
    """Whether the options' shares of likelihood are as large as they are right."""

    n: int
    ece: float
    brier: float
    bins: list[dict[str, float]]


class Score(Struct, frozen=True, kw_only=True):
    """A model on a benchmark. ``clean`` are the questions it was not trained on, None where that is not known."""

    n: int
    distinct: int = 0
    answers: int
    correct: int = 0
    wrong: int = 0
    unparsed: int = 0
    truncated: int = 0
    unended: int = 0
    failed: int = 0
    truncated_right: int = 0
    """Cut answers that named the key, and are not right."""
    beheaded: int = 0
    """Texts to score that lost their beginning, for which the context had no room."""
    always: str | None = None
    """The letter that was chosen on every question."""
    accuracy: Rate
    standard_error: float | None = None
    majority: Rate | None
    flip_rate: float | None
    macro: Rate | None
    subjects: dict[str, Part]
    tiers: dict[str, Part]
    tokens: Tokens | None = None
    lengths: list[Length] = []
    curve: list[Samples] = []
    budget: list[Limited] = []
    calibration: Calibration | None = None
    overlap: int | None = None
    clean: Part | None


GROUPS: Mapping[str, Callable[[Score], Mapping[str, Part]]] = {
    "subject": lambda one: one.subjects,
    "tier": lambda one: one.tiers,
}
"""By what questions are grouped."""


class Sent(Struct, frozen=True):
    """What an endpoint was sent where that is not what was asked for."""

    parameters: dict[str, object]
    answers: int


class Checkpoint(Struct, frozen=True):
    """The step of a training that a model is of."""

    run: str
    mark: str
    step: int


class ModelResults(Struct, frozen=True, kw_only=True):
    """A model on all benchmarks, by their names."""

    name: str
    label: str
    backend: str = ""
    date: str = ""
    demo: bool
    base: str | None
    trained_stems: int | None = None
    trained_whole: bool = True
    form: Form = Form()
    checkpoint: Checkpoint | None = None
    answers: int = 0
    correct: int = 0
    wrong: int = 0
    unparsed: int = 0
    truncated: int = 0
    unended: int = 0
    failed: int = 0
    truncated_right: int = 0
    beheaded: int = 0
    answers_file: str
    answers_sent: int = 0
    sent: list[Sent] = []
    tokens: int
    spent_usd: float | None
    usd_per_question: float | None = None
    usd_per_right: float | None = None
    benchmarks: dict[str, Score]
