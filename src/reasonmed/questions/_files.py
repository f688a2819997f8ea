"""Files as rows: JSON Lines, JSON, CSV, spreadsheets and parquet, told apart by their content, read as streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import QuestionError
from reasonmed.questions._bytes import binary, encoding_of
from reasonmed.questions._csv import csv_rows
from reasonmed.questions._excel import ZIP, excel_rows, kind_of_zip
from reasonmed.questions._json import BLANK, BOM, list_rows, object_rows
from reasonmed.questions._parquet import parquet_rows
from reasonmed.questions._row import Row

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

__all__ = ["Row", "encoding_note", "rows"]

_HEAD = 1 << 16
_OTHERS = {
    b"version https://git-lfs": "is a Git LFS pointer, not the file itself; fetch it: git lfs pull",
    b"arrow1": "is an Arrow file; write it as parquet or JSON Lines first",
    b"\xff\xff\xff\xff": "is an Arrow stream; write it as parquet or JSON Lines first",
    b"\x80\x02": "is a pickle, which is never loaded; write it as JSON Lines or CSV",
    b"\x80\x03": "is a pickle, which is never loaded; write it as JSON Lines or CSV",
    b"\x80\x04": "is a pickle, which is never loaded; write it as JSON Lines or CSV",
    b"\x80\x05": "is a pickle, which is never loaded; write it as JSON Lines or CSV",
    b"\xd0\xcf\x11\xe0": "is an old Office document (.xls, .doc); save the sheet as CSV or .xlsx",
    b"7z\xbc\xaf": "is a 7z archive; unpack it: 7z x FILE",
    b"rar!": "is a RAR archive; unpack it: unrar x FILE",
    b"<!doctype html": "is a web page, not the file itself: a link that needs a login, or a wrong one, gives that",
    b"<html": "is a web page, not the file itself: a link that needs a login, or a wrong one, gives that",
    b"<?xml": "is XML; write it as JSON Lines or CSV",
    b"\x93numpy": "is a NumPy array; write it as JSON Lines or CSV",
    b"\x89hdf": "is an HDF5 file; write it as JSON Lines or CSV",
    b"\x89png": "is a picture",
    b"\xff\xd8\xff": "is a picture",
    b"{\\rtf": "is a rich text document; put the questions into a table, and save it as CSV",
    b"orc": "is an ORC file; write it as parquet or JSON Lines",
    b"obj\x01": "is an Avro file; write it as parquet or JSON Lines",
    b"gguf": "is a model's weights (GGUF)",
    b"(\xb5/\xfd": "is compressed with zstd; unpack it: unzstd FILE",
    b"bzh": "is compressed with bzip2; unpack it: bunzip2 FILE",
    b"\xfd7zxz": "is compressed with xz; unpack it: unxz FILE",
    b"sqlite format 3": "is an SQLite database; write the table as CSV first",
    b"%pdf": "is a PDF document",
    b"\0\0\0\0": "begins with NUL bytes: it is no text, or was not written to the end",
}
"""What files that hold no rows begin with, in small letters."""
_PAGES = (b"<!doctype html", b"<html", b"<?xml")
_TAR = slice(257, 262)


def rows(path: Path, names: Collection[str] = (), *, header: bool | None = None) -> Iterator[Row | QuestionError]:
    """The rows of a file; a row that cannot be read comes as the error that says so.

    Args:
        path: the file.
        names: names of columns that tell a CSV file's header, besides the usual ones.
        header: whether a CSV file has one; None where its look decides.

    Raises:
        QuestionError: the file cannot be opened, is empty, or is of another kind.
    """
    head, content = _look(path)
    if head.startswith(b"PAR1"):
        return parquet_rows(path)
    wide = _wide(head, content)
    if wide is not None:
        raise QuestionError(str(path), 0, "", f"is {wide}; convert it: iconv -f {wide} -t UTF-8 FILE > NEW")
    if head.startswith(ZIP):
        kind = kind_of_zip(path)
        if kind == "xlsx":
            return excel_rows(path, names)
        raise QuestionError(str(path), 0, "", kind)
    other = next((problem for start, problem in _OTHERS.items() if head.lower().startswith(start)), None)
    other = other or next((_OTHERS[page] for page in _PAGES if content.lower().startswith(page)), None)
    if head[_TAR] == b"ustar":
        other = "is a tar archive; unpack it: tar xf FILE"
    if other is not None:
        raise QuestionError(str(path), 0, "", other)
    if not content:
        raise QuestionError(str(path), 0, "", "is empty")
    if content.startswith(b"["):
        return list_rows(path)
    if content.startswith(b"{"):
        return object_rows(path)
    return csv_rows(path, names, header=header)


def encoding_note(path: Path) -> str | None:
    """What a person should know of the encoding in which a file was read; None where it is UTF-8 or not a text."""
    head, content = _look(path)
    if head.startswith((b"PAR1", ZIP)) or content[:1] in (b"[", b"{") or not encoding_of(path):
        return None
    return f"{path} is not UTF-8: read as Windows-1252 (Latin-1); look at its accents, or save it as UTF-8"


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
        with binary(path) as file:
            head = block = file.read(_HEAD)
            content = head.removeprefix(BOM).lstrip(BLANK)
            while block and not content:
                block = file.read(_HEAD)
                content = block.lstrip(BLANK)
    except OSError as unread:
        raise QuestionError(str(path), 0, "", f"cannot be read: {unread.strerror}") from unread
    return head, content
