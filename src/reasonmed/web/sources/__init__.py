"""What can be looked at: one file a kind of folder, each with the class that reads it.

A source says whether a folder is of its kind, makes the entries of its index, and knows what a page shows of one
question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reasonmed.web.index.entry import Indexed
from reasonmed.web.sources.run import RunSource

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.web.views import View

__all__ = ["RunSource", "Source", "opened"]


class Source(Indexed, Protocol):
    """A run, an evaluation or an export."""

    kind: str
    path: Path

    def question(self, name: str) -> View | None:
        """What a page shows of a question; None where there is none of this id."""
        ...

    def overview(self, tallies: dict[str, int]) -> View:
        """What the first page shows, from the sums of all entries' tallies and from whatever else is there."""
        ...


def opened(path: Path) -> Source:
    """A folder as something to look at.

    Raises:
        ReasonMedError: it is none of the kinds.
    """
    return RunSource(path)
