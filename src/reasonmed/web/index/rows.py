"""Sets of rows. An integer whose bit N says whether row N is in it; a list where that is shorter."""

from __future__ import annotations

import struct
from array import array
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_LISTED, _BITS = b"l", b"b"
_NUMBER = 4
"""Bytes of a row in a list."""
_SHORTER = 8
"""A list must be so many times shorter, as it is slower."""


class Rows(NamedTuple):
    """A set of rows: ``few`` lists them where that takes much less room than ``bits``."""

    size: int
    bits: int
    few: array[int] | None = None

    @classmethod
    def of(cls, bits: int) -> Rows:
        """A set by its bits."""
        count = bits.bit_count()
        if count * _NUMBER * 8 * _SHORTER >= bits.bit_length():
            return cls(count, bits)
        return cls(count, 0, array("I", _listed(bits)))

    @classmethod
    def read(cls, blob: object, size: int) -> Rows:
        """A set as a file has it, all of it below a size.

        Raises:
            Refused: it is none.
        """
        if not isinstance(blob, bytes) or blob[:1] not in (_LISTED, _BITS) or len(blob) > 1 + _NUMBER * size:
            raise Refused("a set of rows is torn")
        content = blob[1:]
        if blob[:1] == _BITS:
            found = cls.of(int.from_bytes(content, "little"))
        elif len(content) % _NUMBER:
            raise Refused("a set of rows is torn")
        else:
            rows = array("I", struct.unpack(f"<{len(content) // _NUMBER}I", content))
            found = cls(len(rows), 0, rows)
        if found.bits.bit_length() > size or any(row >= size for row in found.few or ()):
            raise Refused("a set has rows that are not there")
        return found

    def blob(self) -> bytes:
        """It as a file has it."""
        if self.few is None:
            return _BITS + self.bits.to_bytes((self.bits.bit_length() + 7) // 8, "little")
        return _LISTED + struct.pack(f"<{len(self.few)}I", *self.few)

    def bit_count(self) -> int:
        """How many rows are in it."""
        return self.size

    def as_bits(self) -> int:
        """Its bits."""
        return self.bits if self.few is None else bits_of(self.few)

    def count_in(self, bits: int, flags: str) -> int:
        """How many of it are in another set, given by its bits and as ``flags_of`` has them."""
        if self.few is None:
            return (self.bits & bits).bit_count()
        size = len(flags)
        return sum(row < size and flags[row] == "1" for row in self.few)

    def changed(self, added: Collection[int], removed: Collection[int]) -> Rows:
        """It with some rows more and others less."""
        return Rows.of(self.as_bits() & ~bits_of(removed) | bits_of(added))


NONE = Rows(0, 0)


def bits_of(rows: Collection[int]) -> int:
    """The bits of rows."""
    if not rows:
        return 0
    flags = bytearray(b"0") * (max(rows) + 1)
    for row in rows:
        flags[row] = 49  # the digit 1
    flags.reverse()
    return int(flags, 2)


def flags_of(bits: int) -> str:
    """The digit 0 or 1 of each row, from the first one to the last one that is in the set."""
    return f"{bits:b}"[::-1]


def among(rows: Iterable[int], bits: int) -> Iterator[int]:
    """Those of rows that are in the set, in their order."""
    flags = flags_of(bits)
    size = len(flags)
    return (row for row in rows if row < size and flags[row] == "1")


def every(count: int) -> int:
    """The set of the rows from 0 up to a count."""
    return (1 << count) - 1


def before(bits: int, row: int) -> int | None:
    """The last row of a set below a row."""
    below = bits & every(row)
    return below.bit_length() - 1 if below else None


def after(bits: int, row: int) -> int | None:
    """The first row of a set above a row."""
    above = bits >> row + 1
    return row + (above & -above).bit_length() if above else None


def _listed(bits: int) -> Iterator[int]:
    flags = flags_of(bits)
    row = flags.find("1")
    while row >= 0:
        yield row
        row = flags.find("1", row + 1)
