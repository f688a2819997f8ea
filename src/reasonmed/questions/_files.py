"""Files as rows: JSON Lines, JSON lists and maps, CSV and parquet, told apart by their content, read as streams."""

from __future__ import annotations

import csv
import json
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.errors import QuestionError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 1 << 16
_HEADER_NAMES = {"question", "stem", "options", "opa", "answer"}


class Row(NamedTuple):
    """One row: the 1-based line on which it starts, and its fields."""

    line: int
    fields: dict[str, Any]


def rows(path: Path) -> Iterator[Row | QuestionError]:
    """The rows of a file; a row that cannot be read comes as the error that says so.

    Raises:
        QuestionError: the file cannot be opened, is empty, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_BLOCK)
    except OSError as unread:
        raise QuestionError(str(path), 0, "", f"cannot be read: {unread.strerror}") from unread
    if start.startswith(b"PAR1"):
        return _parquet(path)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise QuestionError(str(path), 0, "", "is UTF-16; convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW")
    content = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not content:
        raise QuestionError(str(path), 0, "", "is empty")
    if content.startswith(b"["):
        return _json_list(path)
    if content.startswith(b"{"):
        return _json_lines(path) if _is_json_lines(path) else _json_map(path)
    return _csv(path)


def _is_json_lines(path: Path) -> bool:
    """Whether the first line holds a whole object that is a row, not a map of rows."""
    with path.open("rb") as file:
        first = next((line for line in file if line.strip(b"\xef\xbb\xbf \t\r\n")), b"")
        more = next((line for line in file if line.strip()), None)
    try:
        value = msgspec.json.decode(first.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return more is not None and more.lstrip().startswith(b"{")
    return more is not None or not _is_map(value)


def _is_map(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(one, dict) for one in value.values())


def _json_lines(path: Path) -> Iterator[Row | QuestionError]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            try:
                value = msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
                yield QuestionError(str(path), number, "", f"is not valid JSON: {broken}: {_start(text)}")
                continue
            yield _row(path, number, value)


def _row(path: Path, number: int, value: object) -> Row | QuestionError:
    if isinstance(value, dict):
        return Row(number, value)
    return QuestionError(str(path), number, "", f"must be an object with question and options, not {_start(value)}")


def _start(value: object) -> str:
    text = value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - a glance


def _text(path: Path) -> io.TextIOWrapper:
    return path.open(encoding="utf-8-sig", newline="")


def _json_list(path: Path) -> Iterator[Row | QuestionError]:
    """The elements of a top-level JSON list, one at a time: the file is never whole in memory."""
    decode = json.JSONDecoder().raw_decode
    line, buffer, done, opened = 1, "", False, False
    with _text(path) as file:
        while True:
            block = _read(file, path)
            buffer, done = buffer + block, not block
            while True:
                skipped = len(buffer) - len(buffer.lstrip(" \t\r\n," if opened else " \t\r\n["))
                opened = opened or "[" in buffer[:skipped]
                line += buffer.count("\n", 0, skipped)
                buffer = buffer[skipped:]
                if buffer.startswith("]"):
                    return
                try:
                    value, end = decode(buffer)
                except (ValueError, RecursionError) as broken:
                    if done:
                        yield QuestionError(
                            str(path), line, "", f"the list is torn or no JSON: {broken}: {_start(buffer)}"
                        )
                        return
                    break
                if end == len(buffer) and not done:
                    break
                yield _row(path, line, value)
                line += buffer.count("\n", 0, end)
                buffer = buffer[end:]


def _read(file: io.TextIOWrapper, path: Path) -> str:
    try:
        return file.read(_BLOCK)
    except UnicodeDecodeError as wrong:
        raise _not_utf8(path, wrong) from wrong


def _not_utf8(path: Path, wrong: UnicodeDecodeError) -> QuestionError:
    byte = wrong.object[wrong.start : wrong.start + 1].hex()
    return QuestionError(
        str(path), 0, "", f"is not UTF-8 (byte 0x{byte}); convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW"
    )


def _json_map(path: Path) -> Iterator[Row | QuestionError]:
    """A map of rows by their ids, as PubMedQA's files are; the id becomes the field ``id``."""
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as wrong:
        raise _not_utf8(path, wrong) from wrong
    except (ValueError, RecursionError) as broken:
        yield QuestionError(str(path), getattr(broken, "lineno", 0), "", f"is not valid JSON: {broken}")
        return
    if not _is_map(value):
        yield _row(path, 1, value)
        return
    for name, fields in value.items():
        yield Row(0, {"id": name, **fields})


def _csv(path: Path) -> Iterator[Row | QuestionError]:
    """Rows of a CSV file, by its header; without one (as MMLU's) the columns are named ``0``, ``1``, ..."""
    with _text(path) as file:
        reader = csv.reader(file)
        try:
            first = next(reader, [])
            header = [name.strip() for name in first]
            named = bool({name.lower() for name in header} & _HEADER_NAMES)
            if named:
                header = [name.lower() if name.lower() in _HEADER_NAMES else name for name in header]
            stream = reader if named else chain([first], reader)
            line = 2 if named else 1
            for cells in stream:
                if cells:
                    names = header if named else [str(column) for column in range(len(cells))]
                    yield _cells(path, line, names, cells)
                line = reader.line_num + 1
        except csv.Error as broken:
            yield QuestionError(str(path), reader.line_num, "", f"is not valid CSV: {broken}")
        except UnicodeDecodeError as wrong:
            raise _not_utf8(path, wrong) from wrong


def _cells(path: Path, line: int, names: list[str], cells: list[str]) -> Row | QuestionError:
    if len(cells) != len(names):
        return QuestionError(str(path), line, "", f"has {len(cells)} columns, the header has {len(names)}")
    return Row(line, {name: cell for name, cell in zip(names, cells, strict=True) if cell != ""})


def _parquet(path: Path) -> Iterator[Row | QuestionError]:
    try:
        from pyarrow import parquet  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise QuestionError(
            str(path), 0, "", "is parquet, which needs pyarrow: pip install 'reasonmed[parquet]'"
        ) from missing
    number = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches():
            for fields in batch.to_pylist():
                number += 1
                yield Row(number, {name: value for name, value in fields.items() if value is not None})
    except (OSError, ValueError) as torn:
        yield QuestionError(str(path), number, "", f"is torn or no parquet: {torn}")
