"""What a page shows, as plain values: no request and no server is known here, so that a file can show the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class View(NamedTuple):
    """A template, and the values that it is filled with."""

    template: str
    values: Mapping[str, object]
