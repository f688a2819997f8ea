"""``results.json``: what an evaluation found, from who writes it to who reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from msgspec import UNSET, Struct, UnsetType

from reasonmed.documents import Document, Refused, converted, inside
from reasonmed.errors import UsageError
from reasonmed.evaluation.audit.facts import Audit, KnownAudit
from reasonmed.evaluation.comparisons import Comparison, Headline, Perturbed
from reasonmed.evaluation.forms import Form
from reasonmed.evaluation.scores import ModelResults, Score
from reasonmed.evaluation.shots import Shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VERSION = 1


class Qualified(Struct, frozen=True):
    """How many questions of a benchmark qualify for a perturbation, and why others do not."""

    n: int
    left_out: dict[str, int]
    asking_for_best: int
    """Qualified questions whose stem asks for the most or the best of the options."""


class BenchmarkFacts(Struct, frozen=True, kw_only=True):
    """A set of questions that was asked."""

    name: str
    file: str
    fetched: dict[str, object] | None = None
    n: int
    of: int | None = None
    hash: str
    variant_hash: str | None = None
    hub: str | None = None
    task: str | None = None
    whole: bool
    differences: list[str]
    caution: str | None = None
    with_context: int = 0
    options: list[int] = []
    splits: dict[str, int] = {}
    not_rotated: int | None = None
    left_out: int = 0
    most_frequent_letter: float = 0.0
    perturbed: dict[str, Qualified] | UnsetType = UNSET
    """By perturbation; absent where none was asked for."""


class Power(Struct, frozen=True):
    """What difference a benchmark can show."""

    benchmark: str
    n: int
    rate: float
    unpaired: float
    paired: float | None
    discordant: float


class Asked(Struct, frozen=True, kw_only=True):
    """The settings as reports say them."""

    samples: int
    rotate: int
    perturb: list[str] = []
    temperature: float
    max_tokens: int
    thinking: bool | None = None
    effort: str | None = None
    shots: Shown | None = None
    prompt_name: str


class Results(Struct, frozen=True, kw_only=True):
    """What ``results.json`` holds; docs/evaluate.md says what each field is."""

    version: int = VERSION
    reasonmed: str = ""
    protocol: str
    settings: dict[str, object] = {}
    margin: float | None
    benchmarks: list[BenchmarkFacts]
    models: list[ModelResults]
    unfinished: dict[str, int]
    base: str | None
    comparisons: list[Comparison]
    headlines: list[Headline]
    no_headline: str | None
    power: list[Power] = []
    perturbations: list[Perturbed] | UnsetType = UNSET
    """Each model on perturbed questions; absent where none was asked for."""
    audit: Audit | UnsetType = UNSET
    """The steps of the answers; absent where nobody audited them."""

    def model(self, name: str) -> ModelResults:
        """A model by its name.

        Raises:
            KeyError: it has no results here.
        """
        for one in self.models:
            if one.name == name:
                return one
        raise KeyError(f"{name!r} has no results; there are {', '.join(one.name for one in self.models)}")

    def asked(self) -> Asked:
        """How the questions were put."""
        return converted(self.settings, Asked)

    def each(self) -> Iterator[tuple[str, str, Score]]:
        """Benchmark, model and score of all results, by benchmark."""
        for one in self.benchmarks:
            for model in self.models:
                yield one.name, model.name, model.benchmarks[one.name]


class Known(Struct):
    """A model with the file of its answers."""

    name: str
    answers_file: str
    trained_stems: int | None = None
    trained_whole: bool = True
    form: Form = Form()


class Answered(Struct):
    """As much of the results as answers are compared by."""

    version: int
    protocol: str
    settings: dict[str, object]
    models: list[Known]
    audit: KnownAudit | None = None


_Kind = TypeVar("_Kind", Answered, Results)
_KIND = ("results.json of `reasonmed evaluate`", UsageError, "give a folder that `reasonmed evaluate` wrote")
_LAYOUT = ("version", (VERSION,))
RESULTS = Document(_KIND[0], Results, *_KIND[1:], _LAYOUT)
_ANSWERED = Document(_KIND[0], Answered, *_KIND[1:], _LAYOUT)


def results_in(path: Path) -> Results:
    """The results of an evaluation from its file or folder.

    Raises:
        UsageError: it is none, of another version, or names a file that is not in its folder.
    """
    return _read(path, RESULTS)


def answered_in(path: Path) -> Answered:
    """The models of an evaluation, from its file or folder, and where their answers are.

    Raises:
        UsageError: it is none, of another version, or names a file that is not in its folder.
    """
    return _read(path, _ANSWERED)


def _read(path: Path, document: Document[_Kind]) -> _Kind:
    file = path / "results.json" if path.is_dir() else path
    try:
        found = document.read(file)
        for one in found.models:
            inside(file.parent, one.answers_file)
        for audited in found.audit.models if found.audit else ():
            inside(file.parent, audited.file)
    except (Refused, OSError) as unread:
        raise document.refuse(file, getattr(unread, "strerror", None) or unread) from unread
    return found
