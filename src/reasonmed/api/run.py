"""A run that is there: its records, failures and stories, its status, its exports."""

from __future__ import annotations

import os
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct
from msgspec.structs import asdict

from reasonmed.api import data
from reasonmed.errors import RunDirectoryError, UsageError
from reasonmed.export.formats.parquet import row_of, schema
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.records import outcomes, records_of, scores_of
from reasonmed.runs.status import status_of
from reasonmed.runs.stories import question_in, story_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    import datasets
    import pandas as pd

    from reasonmed.runs.status import Status
    from reasonmed.types import Record, Story

_OF_QUESTIONS = ("split", "verdicts")
"""Columns of a parquet export that are not a record's own."""


class FailedQuestion(Struct, frozen=True):
    """A question without a record: its id, the reason in a fixed word, and the detail in a sentence."""

    question_id: str
    reason: str
    detail: str


class Run:
    """A run, finished or not; it can be given wherever a path can.

    Everything is read from its ledger, also while another process writes it.
    """

    export = data.export

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._folder = RunDirectory(self.path)
        self._facts = self._folder.manifest()
        command = self._facts.command
        if command != "run":
            raise RunDirectoryError(f"{self.path} was made by `{command}`; only runs of the whole pipeline are opened")

    def records(self) -> Iterator[Record]:
        """The records of its finished questions, in input order."""
        with closing(self._folder.reader()) as ledger:
            for story in outcomes(ledger):
                yield from records_of(story, self._facts, scores_of(ledger, story.question.id))

    def failures(self) -> Iterator[FailedQuestion]:
        """Its questions that ended without a record, in input order."""
        for story in self.stories():
            if story.failure is not None:
                yield FailedQuestion(story.question.id, story.failure.reason, story.failure.detail)

    def stories(self) -> Iterator[Story]:
        """Everything that happened to each of its finished questions, in input order."""
        with closing(self._folder.reader()) as ledger:
            yield from outcomes(ledger)

    def story(self, question_id: str) -> Story:
        """Everything that happened to one question, by its id or that of one of its records.

        Raises:
            UsageError: the run has no such question.
        """
        with closing(self._folder.reader()) as ledger:
            return story_in(ledger, question_in(ledger, question_id))[0]

    def status(self) -> Status:
        """Where it is: questions, records, failures, calls, tokens, money."""
        return status_of(self._folder)

    def to_pandas(self) -> pd.DataFrame:
        """Its records as a ``pandas.DataFrame``, with the columns of the parquet export.

        Raises:
            UsageError: pandas is not installed.
        """
        frame: pd.DataFrame = _package("pandas").DataFrame(self._rows())
        return frame

    def to_dataset(self) -> datasets.Dataset:
        """Its records as a ``datasets.Dataset``, with the columns of the parquet export.

        Raises:
            UsageError: datasets is not installed.
        """
        package = _package("datasets")
        columns = [column for column in cast("Any", schema()) if column.name not in _OF_QUESTIONS]
        features = package.Features.from_arrow_schema(_package("pyarrow").schema(columns))
        found: datasets.Dataset = package.Dataset.from_list(self._rows(), features=features)
        return found

    def _rows(self) -> list[dict[str, object]]:
        return [row_of(asdict(record)) for record in self.records()]

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __repr__(self) -> str:
        return f"Run({os.fspath(self.path)!r})"


def open_run(path: str | os.PathLike[str]) -> Run:
    """A run by its directory, finished or not.

    Raises:
        RunDirectoryError: there is no run of the whole pipeline.
    """
    return Run(path)


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as missing:
        raise UsageError(f"this needs {name}: pip install 'reasonmed[frames]'") from missing
