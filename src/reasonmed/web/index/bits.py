"""Sets of rows as bits: an integer whose bit N says whether row N is in the set."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def bits_of(rows: Iterable[int]) -> int:
    """The set of these rows."""
    found = bytearray()
    for row in rows:
        add(found, row)
    return int.from_bytes(found, "little")


def add(bits: bytearray, row: int) -> None:
    """Put a row into a set that grows."""
    place = row >> 3
    if place >= len(bits):
        bits.extend(bytes(max(place + 1, 2 * len(bits)) - len(bits)))
    bits[place] |= 1 << (row & 7)


def remove(bits: bytearray, row: int) -> bool:
    """Take a row out of it; returns whether it was in it."""
    place, bit = row >> 3, 1 << (row & 7)
    if place >= len(bits) or not bits[place] & bit:
        return False
    bits[place] ^= bit
    return True


def among(rows: Iterable[int], bits: int) -> Iterator[int]:
    """Those of rows that are in the set, in their order."""
    content = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
    size = len(content)
    return (row for row in rows if row >> 3 < size and content[row >> 3] >> (row & 7) & 1)


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
