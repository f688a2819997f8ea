"""The JSON object in a reply: direct, fenced, after thinking, or mended; the last one that has the wanted field."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import json_repair

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.thinking import split_thinking

_LONGEST = 200_000
_LONGEST_BROKEN = 20_000
_MOST_OBJECTS = 200
_CANDIDATE = re.compile(r"\{\s*+\"")
_MOST_BRACES = 100
"""Mending takes ever longer with every opened brace; no judge's object has so many."""


class _Twice(ValueError):
    """A field stands twice in one object, with different values: neither is the object's word."""


class _Found(NamedTuple):
    value: dict[str, object]
    start: int
    end: int
    twice: str | None = None
    """A field that it has twice, with different values."""


def find_object(reply: str, name: str) -> dict[str, object]:
    """The last JSON object of a reply that has a field of this name.

    Objects inside the thinking do not count. Broken JSON is mended as a last resort, but never so that the field's
    own value would be completed by the mending; where the last object is beyond mending, no older one counts.

    Raises:
        UnparsableReply: there is none, or the one there is was cut.
    """
    text = split_thinking(reply).text[-_LONGEST:]
    valid, broken = _valid(text, name)
    found = valid[-1] if valid else None
    mentions = [mention.start() for mention in re.finditer(rf"[{{,]\s*+[\"'“”]?{re.escape(name)}[\"'“”]?\s*+:", broken)]
    braces = _open_braces(broken, mentions[-1] + 1) if mentions else []
    if found and not (braces and mentions[-1] >= found.end):
        if _stands_inside(found.start, broken, mentions):
            raise UnparsableReply(f'the JSON object with the field "{name}" stands inside a broken one')
        if found.twice is not None:
            raise UnparsableReply(f'the field "{found.twice[:40]}" stands twice in the last object')
        return found.value
    if not braces:
        raise UnparsableReply(f'there is no JSON object with the field "{name}"')
    if sum(mention >= braces[-1] for mention in mentions) > 1:
        raise UnparsableReply(f'the field "{name}" stands twice in the last object')
    return _mended(text[braces[-1] :], name)


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found and found[name] != value:
            raise _Twice(name)
        found[name] = value
    return found


_ONCE = json.JSONDecoder(object_pairs_hook=_no_doubles, strict=False).raw_decode
_PLAIN = json.JSONDecoder(strict=False).raw_decode
_ESCAPED_NAME = re.compile(r"[{,]\s*+\"\w*+\\")
"""A name with an escape in it, which may be any name once it is read."""


def find_values(reply: str, name: str) -> list[object]:
    """What a field holds in each valid JSON object of a reply that has it, in their order; none inside the thinking."""
    valid, _ = _valid(split_thinking(reply).text[-_LONGEST:], name)
    return [found.value[name] for found in valid]


def _valid(text: str, name: str) -> tuple[list[_Found], str]:
    """The valid objects with the field, and the text with every valid object blanked out."""
    having: list[_Found] = []
    rest, done = [], 0
    for candidate in list(_CANDIDATE.finditer(text))[-_MOST_OBJECTS:]:
        if having and candidate.start() < having[-1].end:
            continue
        try:
            value, end, twice = _decoded(text, candidate.start())
        except (ValueError, RecursionError):
            continue
        if candidate.start() >= done:
            rest += [text[done : candidate.start()], " " * (end - candidate.start())]
            done = end
        if name in value:
            having.append(_Found(value, candidate.start(), end, twice))
    return having, "".join([*rest, text[done:]])


def _decoded(text: str, start: int) -> tuple[dict[str, object], int, str | None]:
    """The object that begins at a place, where it ends, and a field that it has twice with different values."""
    try:
        return *_ONCE(text, start), None
    except _Twice as twice:
        return *_PLAIN(text, start), str(twice)


def _open_braces(text: str, position: int) -> list[int]:
    """Where the braces stand that are open at a position."""
    still_open: list[int] = []
    for brace in re.finditer(r"[{}]", text[:position]):
        if brace[0] == "{":
            still_open.append(brace.start())
        elif still_open:
            still_open.pop()
    return still_open


def _stands_inside(start: int, broken: str, mentions: list[int]) -> bool:
    """Whether a valid object stands inside a broken one that has the field as well."""
    around = _open_braces(broken, start)
    return bool(around) and any(around[0] <= mention < start for mention in mentions)


def _mended(text: str, name: str) -> dict[str, object]:
    broken = text[:_LONGEST_BROKEN]
    try:
        value = json_repair.loads(broken, skip_json_loads=True) if _is_mendable(broken) else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, dict) and name in one), None)
    if not isinstance(value, dict) or name not in value or not _was_complete(broken, name, value[name]):
        raise UnparsableReply(f'the JSON object with the field "{name}" is broken or was cut')
    return value


def _is_mendable(text: str) -> bool:
    return text.count("{") + text.count("[") <= _MOST_BRACES and not _ESCAPED_NAME.search(text)


def _was_complete(text: str, name: str, value: object) -> bool:
    """Whether the value stood whole in the text: quotes closed, or followed by the end of the field."""
    whole = re.escape(str(value))
    quoted = rf"(?:\"{whole}\"|'{whole}'|“{whole}”)"
    bare = rf"\+?{whole}(?=[ \t]*(?:[}}\]\n\r]|,(?!\s*[-\d.])))"
    return re.search(rf"{re.escape(name)}[\"'“”]?\s*+:\s*+(?:{quoted}|{bare})", text) is not None
