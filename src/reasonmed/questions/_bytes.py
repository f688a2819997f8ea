"""The bytes of a question file as UTF-8, whatever it is packed or written in: gzip, UTF-16, Windows-1252."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, cast

from reasonmed.documents import in_mb
from reasonmed.errors import QuestionError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Buffer

GZIP = b"\x1f\x8b"
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_BLOCK = 1 << 18
MOST_BYTES, MOST_TIMES = 512 << 20, 200
"""A packed file may hold so many bytes; or more, if that is not more than so many times its own size."""
_INSIDE = re.compile(r"(?<=[^\W\d_])[\x80-\uffff](?=[^\W\d_])")
_WITHIN = {*"\u2018\u2019\u2013\u2014\xad\xb7"}
"""Signs that stand within words: apostrophes, dashes, a hyphen that does not show, a point."""
_RUN = re.compile(r"[^\x00-\x7f\xa0\u2013-\u2026]{3,}")
_SAMPLE = 4 << 20
"""Bytes from the first that is not UTF-8 on by which an encoding is known."""
_FEW = 0.05
"""Share of signs and capital letters in the midst of words, which other encodings give when read so."""
_MOST_IN_RUNS = 0.5


def binary(path: Path, encoding: str = "") -> BinaryIO:
    """A file's bytes, unpacked, and in UTF-8 if it is UTF-16 with a mark, or of the encoding that is named."""
    with path.open("rb") as file:
        head = file.read(4)
    if not head.startswith(GZIP) and not _is_wide(head) and not encoding:
        return path.open("rb")
    pieces = _unpacked(path) if head.startswith(GZIP) else _blocks(path)
    first = next(pieces, b"")
    encoding = "utf-16" if _is_wide(first) else encoding
    pieces = _after(first, pieces)
    raw = _Pieces(_recoded(path, pieces, encoding) if encoding else pieces)
    return cast("BinaryIO", io.BufferedReader(raw, _BLOCK))


def encoding_of(path: Path) -> str:
    """``cp1252`` for a text that is not UTF-8 and looks like Windows-1252; else nothing."""
    facts = path.stat()
    return _encoding_of(path, (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns))


@lru_cache(maxsize=16)
def _encoding_of(path: Path, _: tuple[int, ...]) -> str:
    """The whole file is read for it, and several times in a run: once for each state of a file is enough."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with binary(path) as file:
        try:
            while block := file.read(_BLOCK):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            rest = block + file.read(_SAMPLE)
            return "cp1252" if _is_western(rest) else ""
    return ""


def _is_western(text: bytes) -> bool:
    """Whether bytes look like Windows-1252, which Latin-1 is a part of: other encodings look odd when read so."""
    try:
        read = text.decode("cp1252")
    except UnicodeDecodeError:
        return False
    high = sum(sign > "\x7f" for sign in read)
    odd = sum(_is_odd(read[found.start() - 1], found[0]) for found in _INSIDE.finditer(read))
    runs = sum(len(found[0]) for found in _RUN.finditer(read))
    return odd <= _FEW * high and runs <= _MOST_IN_RUNS * high


def _is_odd(before: str, sign: str) -> bool:
    """Whether a sign, a capital letter behind a small one, or what is Turkish elsewhere is in the midst of a word."""
    return (not sign.isalpha() and sign not in _WITHIN) or (sign.isupper() and before.islower()) or sign in "ðþ"


def _is_wide(head: bytes) -> bool:
    return head.startswith(WIDE) and not head.startswith(_UTF32)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _unpacked(path: Path) -> Iterator[bytes]:
    most, total = max(MOST_BYTES, MOST_TIMES * path.stat().st_size), 0
    try:
        with gzip.open(path) as file:
            while block := file.read(_BLOCK):
                total += len(block)
                if total > most:
                    raise QuestionError(str(path), 0, "", f"unpacks to more than {in_mb(most)}; unpack it yourself")
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile) as torn:
        raise QuestionError(str(path), 0, "", f"is compressed with gzip and torn: {torn}") from torn


def _after(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _recoded(path: Path, pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in pieces:
            yield decoder.decode(piece).encode("utf-8", "surrogatepass")
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as wrong:
        raise QuestionError(str(path), 0, "", f"is {encoding.upper()} and torn: {wrong.reason}") from wrong


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        count = min(len(view), len(self._rest))
        view[:count], self._rest = self._rest[:count], self._rest[count:]
        return count
