"""Parquet files as rows: refused where they unpack to a size out of all proportion, before any row is read."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from reasonmed.errors import QuestionError
from reasonmed.questions._row import MOST_FIELDS, Row, too_wide

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ROWS = 1000
_AT_ONCE = 64 << 20
"""Bytes of texts that are unpacked at once."""
_SMALL = 512 << 20
"""Bytes that any file may unpack to."""
_PACKED = 200
"""How many times its own size a larger one may unpack to; text packs 3 to 10 times."""
_BROKEN = (OSError, ValueError, ArithmeticError, LookupError, TypeError, RecursionError, MemoryError)
"""What pyarrow and its conversions to Python raise besides its own exceptions."""


def parquet_rows(path: Path) -> Iterator[Row | QuestionError]:
    """The rows of a file; a row whose values Python cannot hold comes as the error that says so.

    Raises:
        QuestionError: pyarrow is not installed, two columns have one name, or the file unpacks to too much.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as missing:
        raise QuestionError(
            str(path), 0, "", "is parquet, which needs pyarrow: pip install 'reasonmed[parquet]'"
        ) from missing
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            texts = _checked(path, file)
            with parquet.ParquetFile(path, read_dictionary=texts) as packed:
                longest = _checked_texts(path, packed)
            for batch in file.iter_batches(max(1, min(_ROWS, _AT_ONCE // max(1, longest)))):
                yield from _rows(path, number, batch)
                number += batch.num_rows
    except (*_BROKEN, ArrowException) as torn:
        yield QuestionError(str(path), number, "", f"is torn or no parquet: {torn}")


def _checked(path: Path, file: Any) -> list[str]:  # noqa: ANN401 - pyarrow ships no types
    """The columns of texts of a file that declares a size in proportion."""
    told = file.metadata
    _refuse_large(path, sum(told.row_group(number).total_byte_size for number in range(told.num_row_groups)))
    if told.num_columns > MOST_FIELDS:
        raise QuestionError(str(path), 0, "", too_wide(told.num_columns))
    names = file.schema_arrow.names
    twice = next((name for name in names if names.count(name) > 1), None) if len({*names}) < len(names) else None
    if twice is not None:
        raise QuestionError(str(path), 0, twice, "is the name of several columns")
    columns = [told.schema.column(number) for number in range(told.num_columns)]
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _refuse_large(path: Path, unpacked: int) -> None:
    size = path.stat().st_size
    if unpacked < 0 or unpacked > max(_SMALL, _PACKED * size):
        problem = (
            f"unpacks to {unpacked / 1e9:.1f} GB from {size:,} bytes, which no file of questions does; if it is meant, "
            "write it as JSON Lines first"
        )
        raise QuestionError(str(path), 0, "", problem)


def _checked_texts(path: Path, file: Any) -> int:  # noqa: ANN401 - the same
    """The bytes of the longest texts that a row may repeat; texts are read as they are packed, each of them once.

    A text that is in the file once and in each of its rows takes no room there, whatever its length.
    """
    longest, most = 0, 0
    for group in range(file.metadata.num_row_groups):
        told = file.metadata.row_group(group)
        first = next(file.iter_batches(1, row_groups=[group]), None)
        here = sum(map(_longest, first.columns)) if first is not None else 0
        values = max((told.column(number).num_values for number in range(told.num_columns)), default=0)
        longest, most = max(longest, here), most + here * values
    if most > max(_SMALL, _PACKED * path.stat().st_size):
        unpacked = 0
        for batch in file.iter_batches(_ROWS):
            unpacked += sum(map(_unpacked, batch.columns))
            _refuse_large(path, unpacked)
    return longest


def _longest(column: Any) -> int:  # noqa: ANN401 - the same
    """Bytes of the longest text of each part of a column, together."""
    from pyarrow import compute

    lengths = (compute.max(compute.binary_length(part.dictionary)).as_py() or 0 for part in _parts(column))
    return sum(lengths)


def _unpacked(column: Any) -> int:  # noqa: ANN401 - the same
    """Bytes that the texts of a column take once each row has its own."""
    from pyarrow import compute

    return sum(
        compute.sum(compute.take(compute.binary_length(part.dictionary), part.indices)).as_py() or 0
        for part in _parts(column)
    )


def _parts(column: Any) -> Iterator[Any]:  # noqa: ANN401 - the same
    """The packed texts in a column, however deep they are in it."""
    from pyarrow import types

    if types.is_dictionary(column.type):
        if types.is_string(column.type.value_type) or types.is_binary(column.type.value_type):
            yield column
    elif types.is_struct(column.type):
        for part in column.flatten():
            yield from _parts(part)
    elif types.is_list(column.type):
        yield from _parts(column.flatten())


def _rows(path: Path, before: int, batch: Any) -> Iterator[Row | QuestionError]:  # noqa: ANN401 - the same
    """The rows of a batch: all at once, or one after the other where one of them is broken."""
    found = None
    with suppress(*_BROKEN):
        found = batch.to_pylist()
    for index in range(batch.num_rows):
        number = before + index + 1
        try:
            cells = found[index] if found is not None else batch.slice(index, 1).to_pylist()[0]
        except _BROKEN as strange:
            yield QuestionError(str(path), number, "", f"has a value that cannot be read: {strange}")
            continue
        yield Row(number, {name: value for name, value in cells.items() if value is not None})
