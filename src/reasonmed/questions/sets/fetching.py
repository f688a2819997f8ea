"""The files of sets, and of the benchmarks whose questions no set may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.questions import Settings, benchmarks
from reasonmed.questions.benchmarks.fetching import PREFIX, Fetched, Wanted, fetch, fetch_files
from reasonmed.questions.benchmarks.published import published
from reasonmed.questions.contamination import build_of
from reasonmed.questions.sets import registry
from reasonmed.types import Question

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.questions.benchmarks import Files
    from reasonmed.questions.contamination import Benchmark
    from reasonmed.questions.sets import Chosen

_BY_HAND = "or fetch its files by hand and give them to `reasonmed questions`"


class Source(NamedTuple):
    """A publisher's split at hand."""

    name: str
    """The set."""
    asked: str
    """The split's name as it was asked for."""
    part: str
    """The split that its rows get."""
    rows: int
    """Rows as published."""
    layout: str
    fetched: Fetched


class Screen(NamedTuple):
    """A benchmark whose questions are kept out."""

    benchmark: Benchmark
    fetched: Fetched
    unread: int
    """Its rows that cannot be read: nothing is compared with them."""


def sources(wanted: Iterable[Chosen]) -> list[Source]:
    """The files of sets, from the hub's cache on this machine or from the hub.

    Raises:
        UsageError: there is no such revision, or it may not be read; huggingface_hub is not installed.
        ReasonMedError: the hub did not answer, or not with the file that it lists.
    """
    return [_source(one, part) for one in wanted for part in registry()[one.name].splits[one.split]]


def screens() -> list[Screen]:
    """The benchmarks of all sets, whichever are wanted: a training question of one may be a test question of another.

    Raises:
        UsageError: as for ``sources``, or a package that the comparison needs is missing.
        ReasonMedError: as for ``sources``, or a benchmark has no question that can be read.
    """
    return [_screen(one.benchmark) for one in registry().values()]


def _source(one: Chosen, name: str) -> Source:
    of = registry()[one.name]
    part, files = of.parts[name], _files_of(of.benchmark)
    own = type(files)(repo=files.repo, revision=files.revision, split=part.split, folder=part.folder)
    folders = list(benchmarks.registry()[of.benchmark].subjects) or [part.folder]
    wanted = Wanted(one.name, own, folders, _BY_HAND, exact=True)
    fetched = fetch_files(f"{PREFIX}{one.name}", wanted, one.revision or own.revision)
    return Source(one.name, one.split, name, part.rows, of.layout, fetched)


def _files_of(benchmark: str) -> Files:
    files = benchmarks.registry()[benchmark].files
    if files is None:
        raise UsageError(f"{benchmark}: its files are not known to be on the hub")
    return files


def _screen(name: str) -> Screen:
    fetched = fetch(f"{PREFIX}{name}")
    good: list[Question] = []
    unread = 0
    for one in published(fetched, Settings()):
        if isinstance(one, Question):
            good.append(one)
        else:
            unread += 1
    if not good:
        raise ReasonMedError(
            f"{fetched.label}: none of its {unread:,} rows can be read, and nothing can be compared with it"
        )
    return Screen(build_of(good, name, benchmarks.registry()[name].n), fetched, unread)
