"""Files as rows: JSON Lines, JSON lists and maps, CSV and parquet, told apart by their content, read as streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import QuestionError
from reasonmed.questions._csv import csv_rows
from reasonmed.questions._json import BLANK, BOM, list_rows, object_rows
from reasonmed.questions._parquet import parquet_rows
from reasonmed.questions._row import Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["Row", "rows"]

_HEAD = 1 << 16
_OTHERS = {
    b"version https://git-lfs": "is a Git LFS pointer, not the file itself; fetch it: git lfs pull",
    b"ARROW1": "is an Arrow file; write it as parquet or JSON Lines first",
    b"\xff\xff\xff\xff": "is an Arrow stream; write it as parquet or JSON Lines first",
    b"\x80\x02": "is a pickle, which is never loaded; write it as JSON Lines or CSV",
    b"\x80\x03": "is a pickle, which is never loaded; write it as JSON Lines or CSV",
    b"\x80\x04": "is a pickle, which is never loaded; write it as JSON Lines or CSV",
    b"\x80\x05": "is a pickle, which is never loaded; write it as JSON Lines or CSV",
    b"PK\x03\x04": "is a ZIP archive or a spreadsheet; unpack it, or save the sheet as CSV",
    b"\x1f\x8b": "is compressed with gzip; unpack it: gunzip FILE",
    b"(\xb5/\xfd": "is compressed with zstd; unpack it: unzstd FILE",
    b"BZh": "is compressed with bzip2; unpack it: bunzip2 FILE",
    b"\xfd7zXZ": "is compressed with xz; unpack it: unxz FILE",
    b"SQLite format 3": "is an SQLite database; write the table as CSV first",
    b"%PDF": "is a PDF document",
    b"\0\0\0\0": "begins with NUL bytes: it is no text, or was not written to the end",
}
"""What files that hold no rows begin with."""


def rows(path: Path, names: Collection[str] = (), *, header: bool | None = None) -> Iterator[Row | QuestionError]:
    """The rows of a file; a row that cannot be read comes as the error that says so.

    Args:
        path: the file.
        names: names of columns that tell a CSV file's header, besides the usual ones.
        header: whether a CSV file has one; None where its look decides.

    Raises:
        QuestionError: the file cannot be opened, is empty, or is not UTF-8.
    """
    head, content = _look(path)
    if head.startswith(b"PAR1"):
        return parquet_rows(path)
    wide = _wide(head, content)
    if wide is not None:
        raise QuestionError(str(path), 0, "", f"is {wide}; convert it: iconv -f {wide} -t UTF-8 FILE > NEW")
    other = next((problem for start, problem in _OTHERS.items() if head.startswith(start)), None)
    if other is not None:
        raise QuestionError(str(path), 0, "", other)
    if not content:
        raise QuestionError(str(path), 0, "", "is empty")
    if content.startswith(b"["):
        return list_rows(path)
    if content.startswith(b"{"):
        return object_rows(path)
    return csv_rows(path, names, header=header)


def is_table(path: Path) -> bool:
    """Whether a file is CSV, which does not tell numbers from texts."""
    head, content = _look(path)
    return not head.startswith(b"PAR1") and content[:1] not in (b"[", b"{")


def _wide(head: bytes, content: bytes) -> str | None:
    """The encoding of a text whose characters take two bytes or four."""
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or b"\0\0" in content[:4]:
        return "UTF-32" if content[:8].strip(b"\0") else None
    return "UTF-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:2] else None


def _look(path: Path) -> tuple[bytes, bytes]:
    """How a file begins, and how it begins behind white space."""
    try:
        if not (path.is_file() or path.is_dir()) and path.exists():
            problem = "is a pipe or a device, and is read more than once; write it to a file first"
            raise QuestionError(str(path), 0, "", problem)
        with path.open("rb") as file:
            head = block = file.read(_HEAD)
            content = head.removeprefix(BOM).lstrip(BLANK)
            while block and not content:
                block = file.read(_HEAD)
                content = block.lstrip(BLANK)
    except OSError as unread:
        raise QuestionError(str(path), 0, "", f"cannot be read: {unread.strerror}") from unread
    return head, content
