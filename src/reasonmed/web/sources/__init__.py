"""What can be looked at: one file a kind of folder, each with the class that reads it.

A source says whether a folder is of its kind, makes the entries of its index, and knows what a page shows of one
question.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from reasonmed.errors import UsageError
from reasonmed.evaluation.ablation import RESULT
from reasonmed.export import MANIFEST
from reasonmed.training.record import STARTED
from reasonmed.web.index.entry import Indexed
from reasonmed.web.sources.evaluation import EvaluationSource
from reasonmed.web.sources.export import SUFFIXES, ExportSource
from reasonmed.web.sources.run import RunSource

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reasonmed.web.views import View

__all__ = ["EvaluationSource", "ExportSource", "RunSource", "Source", "opened"]

_OTHERS = {
    "a trained model: its scores are in the evaluation that was made of it": {
        STARTED,
        "adapter_config.json",
        "config.json",
    },
    "an ablation: give its folder evaluation/": {RESULT},
}
"""What is in folders that have no questions to look at."""
_PARTS = {"run.json", "ledger.db", "results.json", "evaluation.json", MANIFEST}
_FIX = (
    "`reasonmed view` shows a run, an evaluation that has results, an export, or a file of records (.jsonl, .json, "
    ".parquet)"
)
_MOST = 5
"""Names in a message."""


class Source(Indexed, Protocol):
    """A run, an evaluation or an export."""

    kind: str
    path: Path
    counted: tuple[str, str]
    """What a question has several of in the list, in the singular and the plural."""

    def question(self, name: str) -> View | None:
        """What a page shows of a question; None where there is none of this id."""
        ...

    def overview(self, tallies: dict[str, int]) -> View:
        """What the first page shows, from the sums of all entries' tallies and from whatever else is there."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...


def opened(path: Path) -> Source:
    """A folder, or a file of rows, as something to look at.

    Raises:
        ReasonMedError: it is none of the kinds, or cannot be read.
    """
    names = _names_in(path)
    if names is None:
        return _of_file(path)
    for what, marks in _OTHERS.items():
        if names & marks:
            raise UsageError(f"{path} is {what}; {_FIX}")
    if names & {"run.json", "ledger.db"}:
        return _of_run(path)
    if "evaluation.json" in names and "results.json" not in names:
        raise UsageError(f"{path} is an evaluation without results: they come when a model has answered all questions")
    if "results.json" in names:
        return EvaluationSource(path)
    if MANIFEST in names:
        return ExportSource(path)
    within = sorted(name for name in names if _holds(path / name))
    raise UsageError(f"{path} {_what_is(names, path, within)}; {_FIX}")


def _names_in(path: Path) -> set[str] | None:
    """The names in a folder; None for a file."""
    try:
        return {entry.name for entry in os.scandir(path)}
    except NotADirectoryError:
        return None
    except (OSError, ValueError) as unread:
        said = "is not there" if isinstance(unread, FileNotFoundError) else f"cannot be read: {unread}"
        raise UsageError(f"{path} {said}; {_FIX}") from unread


def _of_file(path: Path) -> Source:
    beside = _names_in(path.parent) or set()
    if path.name in _PARTS or not path.name.endswith(SUFFIXES):
        folder = f": give its folder, {path.parent}" if path.name in _PARTS else f" ({', '.join(SUFFIXES)} are read)"
        raise UsageError(f"{path} is a file, and none of rows{folder}; {_FIX}")
    if "run.json" in beside and path.name in ("records.jsonl", "failures.jsonl"):
        raise UsageError(f"{path} is a file of a run, which shows more: give its folder, {path.parent}")
    return ExportSource(path)


def _of_run(path: Path) -> Source:
    found = RunSource(path)
    if found.manifest.command == "evaluate":
        raise UsageError(
            f"{path} is one model's part of an evaluation; give the evaluation: {path.resolve().parents[1]}"
        )
    return found


def _holds(path: Path) -> bool:
    return any((path / name).is_file() for name in ("run.json", "results.json", MANIFEST))


def _what_is(names: set[str], path: Path, within: list[str]) -> str:
    if not names:
        return "is an empty folder"
    if within:
        return f"holds others that can be viewed: {_some(str(path / name) for name in within)}"
    return f"holds nothing that can be viewed ({_some(sorted(names))})"


def _some(names: Iterable[str]) -> str:
    first = list(islice(names, _MOST + 1))
    return ", ".join(first if len(first) <= _MOST else [*first[:_MOST], "..."])
