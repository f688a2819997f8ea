"""Stories in and out of files, one file a layout: what one agent's command writes, the next one reads.

A layout's module has ``stories(path, settings)``, the stories of a file, and ``lines(story, stage)``, the rows that a
story becomes after a stage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from reasonmed.errors import UsageError
from reasonmed.runs.layouts import native, original

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from reasonmed.errors import QuestionError
    from reasonmed.questions import Settings
    from reasonmed.runs.intake import Source
    from reasonmed.types import Story


class Layout(Protocol):
    """The shape of a layout's module."""

    def stories(self, path: Path, settings: Settings) -> Iterator[Story | QuestionError]:
        """The stories of a file."""
        ...

    def lines(self, story: Story, stage: str) -> Iterator[object]:
        """The rows of a story after a stage."""
        ...


LAYOUTS: dict[str, Layout] = {"native": native, "original": original}


def story_source(path: Path, layout: str | None, settings: Settings) -> Source:
    """The stories of a file: native ones, the original's rows, or questions whose story has yet to begin."""
    module = LAYOUTS["original"] if layout == "original" else LAYOUTS["native"]

    def rows() -> Iterable[Story | QuestionError]:
        return module.stories(path, settings)

    return rows


def writer(layout: str | None) -> Callable[[Story, str], Iterator[object]]:
    """How a layout writes a story after a stage: as rows of plain data.

    Raises:
        UsageError: there is no such layout for stories.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UsageError(f"--layout {layout!r}: an agent's command writes {' or '.join(LAYOUTS)}")
    return LAYOUTS[layout or "native"].lines
