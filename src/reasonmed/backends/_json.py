"""JSON as servers send it: behind a byte order mark or comments of an event stream, with NaN or broken characters."""

from __future__ import annotations

import json
import re

import msgspec

_COMMENTS = re.compile(r"\s*(?::[^\n]*(?:\n|\Z)\s*)*")
_HALVES = re.compile(r"[\ud800-\udfff]")
_MOST_DIGITS = 400


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) < _MOST_DIGITS else None


_lenient = json.JSONDecoder(strict=False, parse_int=_integer)


def text_of(body: bytes) -> str:
    """A body as text: UTF-8, or another UTF where it begins so; broken characters are replaced."""
    return body.decode(json.detect_encoding(body[:4]), "replace").removeprefix("\ufeff")


def plain_json(body: bytes) -> object:
    """The first JSON value of a body; None where it has none."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    text = text_of(body)
    start = _COMMENTS.match(text)
    try:
        found, _ = _lenient.raw_decode(text, start.end() if start else 0)
    except (ValueError, RecursionError):
        return None
    return found


def whole(text: str) -> str:
    """A text whose halves of characters are replaced, so that it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _HALVES.sub("\ufffd", text)
    return text
