"""JSON values out of a file, one at a time: only the value at hand is in memory."""

from __future__ import annotations

import re
from contextlib import suppress
from io import TextIOWrapper
from json import JSONDecodeError, JSONDecoder
from typing import TYPE_CHECKING

from reasonmed.documents import NO_MEMORY, TOO_DEEP, in_mb
from reasonmed.errors import QuestionError
from reasonmed.questions._bytes import binary
from reasonmed.questions._row import start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO, AnyStr, TextIO

BLOCK = 1 << 16
"""So many characters are read at once."""
LARGEST = 64 << 20
"""Bytes of one line, or characters of one JSON value: all of it is in memory."""

_INK = re.compile(r"[^ \t\r\n]")
_LONGEST_TOKEN = 12
"""An error this close to the end of what has been read may be a token that goes on, such as ``-Infinity``."""
_REST = 200
_LOOSE = 2
"""A value with so many characters behind it may be a number that goes on, such as ``1e+``."""
_decode = JSONDecoder(strict=False, parse_int=str, parse_float=str).raw_decode
"""Finds a value's end and forgives what spoils only that value; whoever takes its text decodes it strictly."""


class Values:
    """A cursor over a text with JSON values in it; ``line`` is the 1-based line on which it stands."""

    def __init__(self, file: TextIO) -> None:
        self.line = 1
        self._file, self._buffer, self._at = file, "", 0

    def peek(self) -> str:
        """Move to the next character that is no white space; nothing at the text's end."""
        while True:
            found = _INK.search(self._buffer, self._at)
            self._move(found.start() if found else len(self._buffer))
            if found:
                return found[0]
            if not self._more():
                return ""

    def skip(self, expected: str) -> None:
        """Move behind this character.

        Raises:
            ValueError: another one stands there.
        """
        found = self.peek()
        if found != expected:
            raise ValueError(f"expected {expected!r}, not {found!r}" if found else f"expected {expected!r}")
        self._at += 1

    def value(self) -> str:
        """Move behind the next value and hand out its text.

        Raises:
            ValueError: there is none, or it is broken, or too large.
            RecursionError: it is nested too deeply.
            MemoryError: it needs more memory than there is.
        """
        self.peek()
        while True:
            if len(self._buffer) - self._at > LARGEST:
                raise ValueError(f"more than {in_mb(LARGEST)} without an end")
            try:
                _, end = _decode(self._buffer, self._at)
            except JSONDecodeError as broken:
                if not self._may_go_on(broken) or not self._more():
                    raise ValueError(broken.msg) from broken
                continue
            if end < len(self._buffer) - _LOOSE or not self._more():
                break
        text = self._buffer[self._at : end]
        self._move(end)
        return text

    def torn(self, path: Path, broken: Exception) -> QuestionError:
        """The error that says that the text cannot be read from here on."""
        reasons = {RecursionError: TOO_DEEP, MemoryError: NO_MEMORY}
        reason = reasons.get(type(broken), str(broken))
        with suppress(UnicodeDecodeError):
            while len(self._buffer) - self._at < _REST and self._more():
                pass
        rest = start(self._buffer[self._at : self._at + _REST])
        place = f"at {rest}" if rest else "at the file's end"
        problem = f"is torn or no JSON ({reason}) {place}; nothing after it can be read"
        return QuestionError(str(path), self.line, "", problem)

    def _may_go_on(self, broken: JSONDecodeError) -> bool:
        near_end = broken.pos > len(self._buffer) - _LONGEST_TOKEN
        return near_end or broken.msg.startswith("Unterminated string")

    def _move(self, end: int) -> None:
        self.line += self._buffer.count("\n", self._at, end)
        self._at = end

    def _more(self) -> bool:
        """Read on. A value that does not fit doubles what is read, so that it is looked at only a few times."""
        rest = self._buffer[self._at :]
        block = self._file.read(max(BLOCK, len(rest)))
        if block:
            self._buffer, self._at = rest + block, 0
        return bool(block)


def opened(path: Path, encoding: str = "") -> TextIOWrapper:
    """A file as text, its line ends as they are."""
    return TextIOWrapper(binary(path, encoding), encoding="utf-8-sig", newline="")


def lines(path: Path, file: IO[AnyStr]) -> Iterator[tuple[int, AnyStr]]:
    """The lines of a file, each with its number.

    Raises:
        QuestionError: a line is too long to be read.
    """
    number = 0
    while line := file.readline(LARGEST + 1):
        number += 1
        if len(line) > LARGEST:
            problem = f"is longer than {in_mb(LARGEST)}, which is no row; is this JSON Lines or CSV, with a row a line?"
            raise QuestionError(str(path), number, "", problem)
        yield number, line


def not_utf8(path: Path) -> QuestionError:
    """The error that says where the first byte stands that is not UTF-8."""
    with binary(path) as file:
        for number, line in lines(path, file):
            try:
                line.decode()
            except UnicodeDecodeError as wrong:
                byte = wrong.object[wrong.start]
                problem = f"is not UTF-8 (byte 0x{byte:02x}); convert it: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW"
                return QuestionError(str(path), number, "", problem)
    return QuestionError(str(path), 0, "", "is not UTF-8")
