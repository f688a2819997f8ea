"""``results.json`` with types: what an evaluation found, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, convert

from reasonmed.evaluation.results import read_document

if TYPE_CHECKING:
    from pathlib import Path


class Rate(Struct, frozen=True):
    """A rate between 0 and 1 with its 95 % interval."""

    value: float
    low: float
    high: float


class Part(Struct, frozen=True):
    """Accuracy on some of the questions."""

    n: int
    accuracy: Rate | None


class Score(Struct, frozen=True):
    """A model on a benchmark. ``clean`` are the questions it was not trained on, None where that is not known."""

    n: int
    answers: int
    accuracy: Rate
    majority: Rate | None
    flip_rate: float | None
    macro: Rate | None
    subjects: dict[str, Part]
    tiers: dict[str, Part]
    clean: Part | None


class ModelResults(Struct, frozen=True):
    """A model on all benchmarks, by their names."""

    name: str
    label: str
    demo: bool
    base: str | None
    tokens: int
    spent_usd: float | None
    answers_file: str
    benchmarks: dict[str, Score]


class BenchmarkFacts(Struct, frozen=True):
    """A set of questions that was asked."""

    name: str
    file: str
    n: int
    hash: str
    whole: bool
    differences: list[str]


class Difference(Struct, frozen=True):
    """The second model against the first on one benchmark, paired by question."""

    n: int
    first: float
    second: float
    difference: Rate
    p: float


class Comparison(Struct, frozen=True):
    """One model against another."""

    first: str
    second: str
    remarks: list[str]
    benchmarks: dict[str, Difference]


class Headline(Struct, frozen=True):
    """A model against its base: what may be said of its training."""

    model: str
    base: str
    remarks: list[str]
    benchmarks: dict[str, Difference]


class Results(Struct, frozen=True):
    """What ``results.json`` holds, as far as programs use it; docs/evaluate.md says what each field is."""

    protocol: str
    margin: float | None
    benchmarks: list[BenchmarkFacts]
    models: list[ModelResults]
    unfinished: dict[str, int]
    base: str | None
    comparisons: list[Comparison]
    headlines: list[Headline]
    no_headline: str | None

    def model(self, name: str) -> ModelResults:
        """A model by its name.

        Raises:
            KeyError: it has no results here.
        """
        for one in self.models:
            if one.name == name:
                return one
        raise KeyError(f"{name!r} has no results; there are {', '.join(one.name for one in self.models)}")


def results_in(path: Path) -> Results:
    """The results of an evaluation from its file or folder.

    Raises:
        UsageError: it is none.
    """
    return convert(read_document(path), Results)
