"""Files of rows that are looked into at any place: where each question's rows are, found in one pass over them."""

from __future__ import annotations

from array import array
from contextlib import contextmanager
from tempfile import TemporaryFile
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeVar

import msgspec

from reasonmed.documents import MOST, Refused, decoded, regular
from reasonmed.errors import QuestionError, UsageError
from reasonmed.files import make_folder
from reasonmed.questions._files import rows as rows_of
from reasonmed.web.index.place import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Shape = TypeVar("Shape")
_BLOCK = 256
_TABLE = 48
"""Bits of a place within its file; the file's number is above them."""
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Lines:
    """A file of one JSON object a line. One of another kind is copied to such a file, which nobody else sees.

    Args:
        path: the file.
        what: what a row of it is, for messages.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path, self._what = path, what
        self._copy: BinaryIO | None = None
        self._lock = Lock()

    def rows(self, shape: type[Shape]) -> Iterator[tuple[int, Shape]]:
        """All rows in order, each with its place.

        Raises:
            UsageError: the file cannot be read, or a row is not what it must be.
        """
        place = 0
        while True:
            with self._file() as file:
                file.seek(place)
                block = [line for _ in range(_BLOCK) if (line := file.readline(MOST))]
            for line in block:
                if line.strip():
                    yield place, self._read(line, place, shape)
                place += len(line)
            if len(block) < _BLOCK:
                return

    def row(self, place: int, shape: type[Shape]) -> Shape:
        """The row at a place.

        Raises:
            UsageError: there is none any more.
        """
        with self._file() as file:
            file.seek(place)
            line = file.readline(MOST)
        return self._read(line, place, shape)

    def _read(self, line: bytes, place: int, shape: type[Shape]) -> Shape:
        try:
            return decoded(line, shape)
        except Refused as wrong:
            raise UsageError(f"{self.path}, byte {place:,}: is no {self._what}: {wrong}") from wrong

    @contextmanager
    def _file(self) -> Iterator[BinaryIO]:
        if self.path.suffix == ".jsonl":
            try:
                with regular(self.path) as file:
                    yield file
            except (Refused, OSError) as unread:
                raise UsageError(f"{self.path} cannot be read: {unread}") from unread
            return
        with self._lock:
            if self._copy is None:
                self._copy = _copied(self.path)
            yield self._copy

    def close(self) -> None:
        """Let go of the copy, if one was made."""
        with self._lock:
            if self._copy is not None:
                self._copy.close()
                self._copy = None


def _copied(path: Path) -> BinaryIO:
    """The rows of a file of any kind as lines."""
    make_folder(cache_folder())
    file = TemporaryFile(dir=cache_folder())  # noqa: SIM115 - it is gone with whoever holds it
    try:
        for row in rows_of(path):
            told = {"cannot be read": str(row)} if isinstance(row, QuestionError) else row.fields
            file.write(_encode(told) + b"\n")
    except BaseException:
        file.close()
        raise
    return file


class Spot(NamedTuple):
    """A row: the number of its file, and its place there."""

    table: int
    at: int


class Places:
    """The rows of each question, in the order in which the questions come first.

    Args:
        tables: the files.
        shape: what is read of a row to name its question.
        name_of: the question of a row, by the number of its file, the row's own number there, and the row.
    """

    def __init__(self, tables: Sequence[Lines], shape: type[Shape], name_of: Callable[[int, int, Shape], str]) -> None:
        self._found: dict[str, array[int]] = {}
        for number, table in enumerate(tables):
            for count, (place, row) in enumerate(table.rows(shape), 1):
                name = name_of(number, count, row)
                self._found.setdefault(name, array("Q")).append(number << _TABLE | place)

    def __len__(self) -> int:
        """How many questions there are."""
        return len(self._found)

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._found)

    def of(self, name: str) -> list[Spot]:
        """The rows of a question; none where there is no such question."""
        return [Spot(one >> _TABLE, one & (1 << _TABLE) - 1) for one in self._found.get(name, ())]
