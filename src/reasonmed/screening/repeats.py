"""Texts that are the same but for white space."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable


def folded(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())


def first_places(keys: Iterable[Hashable]) -> list[int]:
    """The places at which a key occurs for the first time."""
    first: dict[Hashable, int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    return list(first.values())
