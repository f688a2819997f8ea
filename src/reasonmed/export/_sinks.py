"""The files of one format: JSON Lines, JSON lists and parquet by their suffix, each there whole or not at all."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, Self

from reasonmed.engine.ledger import encode
from reasonmed.errors import UsageError
from reasonmed.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import ModuleType, TracebackType
    from typing import BinaryIO

_BATCH = 1000


class _Sink(Protocol):
    def add(self, row: Mapping[str, object]) -> None: ...

    def end(self) -> None: ...

    def drop(self) -> None: ...


class Sinks:
    """Files of a format, opened at their first row; a file without rows is not made.

    Args:
        folder: where they go.
    """

    def __init__(self, folder: Path) -> None:
        self.rows: Counter[str] = Counter()
        """How many rows each file has; files that are no tables are not in it."""
        self.texts: list[str] = []
        """Files that are no tables."""
        self.left_out: Counter[str] = Counter()
        """What the format itself left out, by reason."""
        self.of_which: Counter[str] = Counter()
        """How many rows are of a kind that is worth telling."""
        self._folder, self._stack = folder, ExitStack()
        self._open: dict[str, _Sink] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            for sink in self._open.values():
                sink.drop()
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            for sink in self._open.values():
                sink.end()

    def add(self, name: str, row: Mapping[str, object], schema: Callable[[], object] | None = None) -> None:
        """Add a row to a file; a parquet file needs a function that makes its schema."""
        if name not in self._open:
            self.open(name, schema)
        self._open[name].add(row)
        self.rows[name] += 1

    def text(self, name: str, content: str) -> None:
        """Write a file that is no table."""
        with replacing(self._folder / name) as sink:
            sink.write(content.encode())
        self.texts.append(name)

    def open(self, name: str, schema: Callable[[], object] | None = None) -> None:
        """Open a file before its first row; those that were opened first are put in place last."""
        made = schema() if schema else None
        file = self._stack.enter_context(replacing(self._folder / name))
        if made is not None:
            self._open[name] = _Table(file, made)
        else:
            self._open[name] = _Lines(file) if name.endswith(".jsonl") else _List(file)


class _Lines:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, row: Mapping[str, object]) -> None:
        self._file.write(encode(row) + b"\n")

    def end(self) -> None:
        """Nothing closes JSON Lines."""

    def drop(self) -> None:
        """The file goes with its draft."""


class _List:
    """A JSON list, written row by row."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._begun = file, False

    def add(self, row: Mapping[str, object]) -> None:
        self._file.write((b",\n" if self._begun else b"[\n") + encode(row))
        self._begun = True

    def end(self) -> None:
        self._file.write(b"\n]\n")

    def drop(self) -> None:
        """The file goes with its draft."""


class _Table:
    """A parquet file, written in groups of rows."""

    def __init__(self, file: BinaryIO, schema: object) -> None:
        from pyarrow import parquet

        self._schema = schema
        self._writer = parquet.ParquetWriter(file, schema, compression="zstd")
        self._batch: list[Mapping[str, object]] = []

    def add(self, row: Mapping[str, object]) -> None:
        self._batch.append(row)
        if len(self._batch) == _BATCH:
            self._flush()

    def end(self) -> None:
        self._flush()
        self._writer.close()

    def drop(self) -> None:
        """Leave the file unfinished, where pyarrow would finish it after it was closed."""
        self._writer.is_open = False

    def _flush(self) -> None:
        import pyarrow as pa

        if self._batch:
            self._writer.write_table(pa.Table.from_pylist(self._batch, schema=self._schema))
            self._batch = []


def need_pyarrow() -> ModuleType:
    """The module pyarrow.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return import_module("pyarrow")
    except ImportError as missing:
        raise UsageError("parquet files need pyarrow: pip install 'reasonmed[parquet]'") from missing
