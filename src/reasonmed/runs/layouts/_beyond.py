"""What a row cannot say in its layout's own fields: one object, ``_reasonmed``, laid over what the fields say.

Both sides are plain data with the names of a story. Maps are compared field by field; everything else, and a
question's ``meta``, is taken whole. None stands for a field that is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Mapping

_ABSENT = object()
_WHO = ("model", "temperature", "sample", "parent", "origin")


def beyond(plain: Mapping[str, object], told: Mapping[str, object]) -> dict[str, object]:
    """What must be laid over ``plain`` to get ``told``."""
    found: dict[str, object] = {}
    for name, value in told.items():
        base = plain.get(name, _ABSENT)
        if isinstance(value, dict) and isinstance(base, dict) and name != "meta":
            inner = beyond(base, value)
            found |= {name: inner} if inner else {}
        elif value != base:
            found[name] = value
    return found | {name: None for name in plain if name not in told}


def overlaid(plain: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """``plain`` with what was found beyond it."""
    merged = dict(plain)
    for name, value in more.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and name != "meta":
            base = merged.get(name)
            merged[name] = overlaid(base if isinstance(base, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def mark(text: str) -> str:
    """What ties a word about a text to exactly this text."""
    return digest(text, 8)


def about(text: str, more: Mapping[str, object]) -> dict[str, object]:
    """What is said of a text: all of it, or only who wrote it where the text has been edited since."""
    if more.get("of") == mark(text):
        return {name: value for name, value in more.items() if name != "of"}
    return {name: value for name, value in more.items() if name in _WHO}
