"""Stories and texts as the ledger keeps them: compressed JSON, unpacked within bounds and checked."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import msgspec

from reasonmed.documents import MOST, Refused, decoded
from reasonmed.exchange import Completion

if TYPE_CHECKING:
    from collections.abc import Callable

BETWEEN = b"\x00"
"""Between a call's messages and its reply."""

_TORN = "\N{REPLACEMENT CHARACTER}"
"""What is read in the place of bytes that are no text."""

encode = msgspec.json.Encoder().encode


def pack(value: object) -> bytes:
    """A value as compressed JSON."""
    return zlib.compress(encode(value), 1)


def unpacked(blob: object) -> bytes:
    """What a blob holds.

    Raises:
        Refused: it is not compressed, torn, or too large once it is unpacked.
    """
    if not isinstance(blob, bytes):
        raise Refused("it is not compressed")
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(blob, MOST)
    except zlib.error as torn:
        raise Refused(f"it is torn ({torn})") from torn
    if not unpacking.eof:
        raise Refused("it is torn" if not unpacking.unconsumed_tail else f"it unpacks to more than {MOST:,} bytes")
    return content


def unpack_texts(blob: object) -> tuple[bytes, bytes]:
    """A call's messages and its reply, both as JSON; of a rejected one the endpoint's message.

    Raises:
        Refused: it is torn.
    """
    messages, _, reply = unpacked(blob).partition(BETWEEN)
    return messages, reply


def completion_in(texts: bytes, finish: str | None) -> Completion:
    """The reply of a call that was answered.

    Raises:
        Refused: its texts or its finish reason are torn.
    """
    _check_class(finish)
    return decoded(unpack_texts(texts)[1], Completion)


def rejection_in(texts: bytes, finish: str | None, error: str) -> str:
    """The endpoint's message of a call that was rejected.

    Raises:
        Refused: its texts or its class are torn.
    """
    _check_class(f"{finish}{error}")
    return unpack_texts(texts)[1].decode("utf-8", "replace")


def _check_class(word: str | None) -> None:
    if word is not None and _TORN in word:
        raise Refused("its class is torn")


def torn(read: Callable[[object], object], blob: object) -> bool:
    """Whether a blob cannot be read."""
    try:
        read(blob)
    except Refused:
        return True
    return False
