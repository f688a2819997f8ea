"""Rows from Python as a question file: a list of dicts, a DataFrame, a data set; read and checked as any other file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, cast

import msgspec

from reasonmed.errors import QuestionError, UsageError
from reasonmed.types import Question, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "rows"
"""What messages call rows that no file holds, with their number: ``rows:3``."""


class Frame(Protocol):
    """A pandas DataFrame, as far as it is needed here."""

    @property
    def columns(self) -> object:
        """The names of its columns."""

    def iterrows(self) -> object:
        """What only a frame has: iterating over it gives columns."""


Questions = str | os.PathLike[str] | Iterable[Mapping[str, object] | Question] | Frame
"""A file, or rows: dicts as a file would hold them, or questions; a ``datasets.Dataset`` is an iterable of dicts."""


Sources = Questions | Sequence[str | os.PathLike[str]]
"""The same, or several files; ``hub:NAME`` is a benchmark's own files."""


class RowsFile(PosixPath):
    """A file of rows that messages call ``rows``: nobody knows it by its path."""

    __slots__ = ()

    def __str__(self) -> str:
        return NAME

    def __fspath__(self) -> str:
        """The path itself, for whoever opens it."""
        return super().__str__()


@contextmanager
def as_files(given: Sources) -> Iterator[Sequence[str | Path]]:
    """Question files by their paths, or rows as a file that is there for as long as the block runs.

    Raises:
        UsageError: it is neither.
        QuestionError: a row cannot be written as JSON.
    """
    if _are_paths(given):
        yield [one if isinstance(one, str) else Path(one) for one in given]
        return
    with as_file(cast("Questions", given)) as path:
        yield [path]


def _are_paths(given: object) -> TypeGuard[Sequence[str | os.PathLike[str]]]:
    return isinstance(given, list | tuple) and bool(given) and all(isinstance(one, str | os.PathLike) for one in given)


@contextmanager
def as_file(given: Questions) -> Iterator[Path]:
    """A question file by its path, or rows as a file that is there for as long as the block runs.

    Raises:
        UsageError: it is neither.
        QuestionError: a row cannot be written as JSON.
    """
    if isinstance(given, str | os.PathLike):
        yield Path(given)
        return
    with TemporaryDirectory(prefix="reasonmed-") as folder:
        path = RowsFile(folder, "rows.jsonl")
        with path.open("xb") as file:
            for number, row in enumerate(_rows(given), 1):
                file.write(_line(row, number) + b"\n")
        yield path


def _rows(given: Iterable[object] | Frame) -> Iterable[object]:
    if _is_frame(given):
        return _of_frame(given)
    if isinstance(given, Mapping):
        names = ", ".join(f"{name!s:.40}" for name in given)
        raise UsageError(f"questions: a mapping ({names}) is no list of rows; give one of its values, or a list of it")
    if not isinstance(given, Iterable) or isinstance(given, bytes):
        raise UsageError(
            f"questions: {type(given).__name__} is none of a path, a list of dicts, a pandas DataFrame and a "
            "datasets.Dataset"
        )
    return given


def _is_frame(given: object) -> TypeGuard[Frame]:
    return hasattr(given, "iterrows") and hasattr(given, "columns")


def _of_frame(given: Frame) -> Iterable[object]:
    """The rows of a frame; what is missing is None, and does not turn the integers of its column into fractions."""
    frame = cast("Any", given)  # pandas is not imported for its types
    if not frame.columns.is_unique:
        twice = sorted({f"{name!s:.40}" for name in frame.columns[frame.columns.duplicated()]})
        raise UsageError(f"questions: columns of the frame have one name: {', '.join(twice)}")
    whole = frame.convert_dtypes()
    rows: Iterable[object] = whole.astype(object).where(whole.notna(), None).to_dict("records")
    return rows


def _line(row: object, number: int) -> bytes:
    try:
        return msgspec.json.encode(Story(row) if isinstance(row, Question) else row, enc_hook=_plain)
    except (TypeError, ValueError, OverflowError, RecursionError) as wrong:
        raise QuestionError(NAME, number, "", f"cannot be written as JSON: {wrong}") from wrong


def _plain(value: object) -> object:
    """What frames are made of: arrays and scalars of numpy as lists and numbers, moments as ISO 8601."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no text, number, list or mapping")
