"""The JSON object in a reply: direct, fenced, after thinking, or mended; the last one that has the wanted field."""

from __future__ import annotations

import json
import re
from typing import Any

import json_repair

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.thinking import split_thinking

_LONGEST = 200_000
_MOST_OBJECTS = 1_000


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if found.get(name, value) != value:
            raise UnparsableReply(f'the field "{name}" stands twice, with different values')
        found[name] = value
    return found


_decode = json.JSONDecoder(object_pairs_hook=_no_doubles, strict=False).raw_decode


def find_object(reply: str, name: str) -> dict[str, Any]:
    """The last JSON object of a reply that has a field of this name.

    Objects inside the thinking do not count. Broken JSON is mended as a last resort, but never so that the field's
    own value would be completed by the mending.

    Raises:
        UnparsableReply: there is none, or the one there is was cut.
    """
    text = split_thinking(reply).text[-_LONGEST:]
    found = _last_valid(text, name)
    if found is None:
        found = _mended(text, name)
    if found is None:
        raise UnparsableReply(f'there is no JSON object with the field "{name}"')
    return found


def _last_valid(text: str, name: str) -> dict[str, Any] | None:
    last: dict[str, Any] | None = None
    position = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if position < 0:
            break
        try:
            value, end = _decode(text, position)
        except (ValueError, RecursionError):
            value, end = None, position + 1
        if isinstance(value, dict) and name in value:
            last = value
        else:
            end = position + 1
        position = text.find("{", end)
    return last


def _mended(text: str, name: str) -> dict[str, Any] | None:
    start = text.rfind("{", 0, _last_mention(text, name) + 1)
    if start < 0:
        return None
    try:
        value = json_repair.loads(text[start:], skip_json_loads=True)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, list):
        value = next((one for one in reversed(value) if isinstance(one, dict) and name in one), None)
    if not isinstance(value, dict) or name not in value or not _was_complete(text[start:], name, value[name]):
        return None
    return value


def _last_mention(text: str, name: str) -> int:
    mentions = list(re.finditer(rf"[\"'“”]?{re.escape(name)}[\"'“”]?\s*:", text))
    return mentions[-1].start() if mentions else -1


def _was_complete(text: str, name: str, value: object) -> bool:
    """Whether the value stood whole in the text: quotes closed, or a number with something after it."""
    whole = re.escape(str(value))
    quoted = rf"(?:\"{whole}\"|'{whole}'|“{whole}”)"
    bare = rf"{whole}(?=[\s,}}\]])"
    return re.search(rf"{re.escape(name)}[\"'“”]?\s*:\s*(?:{quoted}|{bare})", text) is not None
