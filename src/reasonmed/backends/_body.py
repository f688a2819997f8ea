"""Bodies of answers, read in pieces, unpacked in pieces, and never beyond a bound."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp

AS_IT_COMES: dict[str, Any] = {
    "auto_decompress": False,
    "headers": {"Accept-Encoding": "gzip, deflate"},
    "max_line_size": 1 << 17,
    "max_field_size": 1 << 17,
}
"""Bodies are unpacked here, within their bound; long header lines are no reason to lose a reply."""
_PIECE = 1 << 16
_GZIP, _ZLIB, _RAW = 31, 15, -15
_ZLIB_HEAD = 0x0F
_DEFLATED = 8


class UnreadableBody(Exception):
    """A body that is too large, packed in a way that was not asked for, or not packed as its header says."""


async def read_body(response: aiohttp.ClientResponse, most: int) -> bytes:
    """An answer's body, unpacked; of an answer that is no success only as much as fits.

    Raises:
        UnreadableBody: it has more than ``most`` bytes, or it cannot be unpacked.
    """
    unpack = _unpacker(response.headers.get("Content-Encoding", ""))
    body = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        unpack.feed(piece)
        while data := unpack.next(most + 1 - len(body)):
            body += data
            if len(body) > most:
                if not response.ok:
                    return bytes(body[:most])
                raise UnreadableBody(
                    f"a body of more than {most / 1e6:g} MB: `limits.max_reply_mb` of the recipe bounds replies"
                )
    if not unpack.ended:
        raise UnreadableBody("a packed body that ends too early")
    return bytes(body)


async def read_lines(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    """The lines of an answer's body, unpacked, without empty ones; never the whole of it in memory.

    Raises:
        UnreadableBody: a line has more than ``most`` bytes, or the body cannot be unpacked.
    """
    unpack = _unpacker(response.headers.get("Content-Encoding", ""))
    rest = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        unpack.feed(piece)
        while data := unpack.next(_PIECE):
            rest += data
            if b"\n" in data:
                *whole, rest = rest.split(b"\n")
                for line in whole:
                    if line.strip():
                        yield bytes(line)
            if len(rest) > most:
                raise UnreadableBody(f"a line of more than {most / 1e6:g} MB")
    if not unpack.ended:
        raise UnreadableBody("a packed body that ends too early")
    if rest.strip():
        yield bytes(rest)


def _unpacker(encoding: str) -> _Plain | _Packed:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _Plain()
    if name in ("gzip", "x-gzip", "deflate"):
        return _Packed(name)
    raise UnreadableBody(f"a body in Content-Encoding {encoding.strip()[:40]!r}, which was not asked for")


class _Plain:
    ended = True

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        self._rest = piece

    def next(self, most: int) -> bytes:
        data, self._rest = self._rest[:most], self._rest[most:]
        return data


class _Packed:
    """gzip (of one or several members) or deflate (with or without zlib's head)."""

    def __init__(self, name: str) -> None:
        self._name, self._rest = name, b""
        self._inflate: zlib._Decompress | None = None

    @property
    def ended(self) -> bool:
        """Whether the body came to its end; an empty one has none."""
        return self._inflate is None or self._inflate.eof

    def feed(self, piece: bytes) -> None:
        self._rest += piece

    def next(self, most: int) -> bytes:
        """The next piece of at most so many bytes; empty where more must be fed first."""
        try:
            return self._next(most)
        except zlib.error as broken:
            raise UnreadableBody(f"a body that is not {self._name}, as its header says: {broken}") from broken

    def _next(self, most: int) -> bytes:
        while self._rest:
            if self._inflate is None or self._inflate.eof:
                self._inflate = zlib.decompressobj(self._form())
            data = self._inflate.decompress(self._rest, min(most, _PIECE))
            self._rest = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
            if data:
                return data
        return b""

    def _form(self) -> int:
        if self._name != "deflate":
            return _GZIP
        return _ZLIB if self._rest[0] & _ZLIB_HEAD == _DEFLATED else _RAW
