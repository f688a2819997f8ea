"""What an audit found, as ``results.json`` and ``answers/NAME.steps.jsonl`` have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.evaluation.lines import read_lines
from reasonmed.evaluation.scores import Rate
from reasonmed.report.statistics.intervals import Interval
from reasonmed.report.statistics.ratios import Judge
from reasonmed.types import Step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Row(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answer whose steps were to be judged."""

    benchmark: str
    id: str
    mark: str
    """Hash of the question, by which models are paired."""
    stems: tuple[str, ...] = ()
    """Hashes of the stem, by which training data is found again."""
    right: bool = False
    answer: str | None = None
    words: int = 0
    question: str = ""
    text: str = ""
    """The answer as it was judged: steps are places in it."""
    steps: tuple[Step, ...] = ()
    problem: str = ""
    """Why there are no labels; empty where there are."""

    @property
    def severe(self) -> Step | None:
        """The first step with a severe fault."""
        return next((step for step in self.steps if step.severity == "severe"), None)


class Mean(Struct, frozen=True):
    """A mean over answers with its 95 % interval."""

    value: float
    low: float
    high: float


class WrongReason(Struct, frozen=True):
    """A right answer with a severe fault: its first one."""

    benchmark: str
    id: str
    answer: str | None
    question: str
    place: int
    """The step's number, from 1."""
    step: str
    type: str | None
    note: str


class ModelAudit(Struct, frozen=True, kw_only=True):
    """What the steps of one model's answers came to. Figures are None where nothing shows them."""

    name: str
    file: str
    answers: int
    """Those of the questions that were drawn."""
    judged: int
    undecided: int = 0
    """No usable labels came."""
    empty: int = 0
    """There was no text to judge."""
    open: int = 0
    """Not judged yet."""
    right: int = 0
    """Judged answers that are right."""
    own: bool = False
    """Whether the judge is this very model."""
    wrong: Rate | None = None
    unsupported: Rate | None = None
    flagged: Rate | None = None
    """Wrong or unsupported."""
    severe: Rate | None = None
    """Right answers with a severe fault, of the right ones."""
    steps: Mean | None = None
    words: Mean | None = None
    corrected: Rate | None = None
    """The share of faulty steps, given what the judge flags and its card."""
    wrong_reasons: list[WrongReason] = []
    """The first of them."""


class Gap(Struct, frozen=True):
    """One figure of two models: the second less the first."""

    figure: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    """Of a sign-flip test over questions, for this figure alone."""
    words: str


class Pair(Struct, frozen=True, kw_only=True):
    """Two models on the questions whose answers by both were judged, and which neither was trained on."""

    first: str
    second: str
    n: int
    undecided: int = 0
    """Questions left out because an answer of either has no labels."""
    trained_on: int = 0
    gaps: list[Gap]


class Counted(Struct, frozen=True):
    """So many of so many, with the bounds of the share's 95 % interval."""

    count: int
    of: int
    low: float
    high: float

    @property
    def interval(self) -> Interval:
        """The share with its interval; of nothing it is anything, and no share."""
        return Interval(self.count / self.of if self.of else 0.0, self.low, self.high)


class JudgeCard(Struct, frozen=True):
    """What a judge card says of steps: the planted faulty ones that the judge flags, the sound ones that it passes."""

    sensitivity: Counted
    specificity: Counted

    @property
    def judge(self) -> Judge:
        """The shares for the statistics."""
        return Judge(self.sensitivity.interval, self.specificity.interval)


class Terms(Struct, frozen=True, kw_only=True):
    """Who judges steps, and of which questions."""

    judge: str
    demo: bool
    prompt: str
    """The hash of the template."""
    questions: int
    seed: int
    card: JudgeCard | None = None


class Audit(Terms, frozen=True, kw_only=True):
    """An audit of the steps of models' answers."""

    models: list[ModelAudit]
    pairs: list[Pair] = []


class KnownModel(Struct):
    """A model with the file of its judged answers."""

    name: str
    file: str


class KnownAudit(Struct):
    """As much of an audit as another one is compared by."""

    judge: str
    prompt: str
    models: list[KnownModel]


def read_rows(path: Path) -> Iterator[Row]:
    """The judged answers of a model.

    Raises:
        UsageError: there is no such file, or a line of it is none.
    """
    return read_lines(path, Row, "judged answer of an audit")
