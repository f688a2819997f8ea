"""Stories in and out of files, one file a layout: what one agent's command writes, the next one reads.

A file is known by its look. A layout's module has ``lines(story, stage, rows)``, the rows that a story becomes after a
stage; ``rows`` are those that it was read from.
"""

from __future__ import annotations

import shlex
from itertools import islice
from typing import TYPE_CHECKING, Literal, Protocol

from reasonmed.errors import QuestionError, UsageError
from reasonmed.questions import NEEDS_OPTIONS, Settings
from reasonmed.questions._files import rows as rows_of
from reasonmed.runs.layouts import native, original

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.runs.sources import Source
    from reasonmed.types import Story

_LOOKED_AT = 100
Look = Literal["original", "stories", "records", "questions"]


class Writer(Protocol):
    """How a layout writes a story after a stage."""

    def __call__(self, story: Story, stage: str, rows: Sequence[Mapping[str, object]] = ()) -> Iterator[object]:
        """The rows of a story."""
        ...


_WRITERS: dict[str, Writer] = {"native": native.lines, "original": original.lines}


def look(path: Path) -> Look:
    """What a file holds, by the first of its rows that is more than a question.

    Raises:
        QuestionError: the file cannot be read.
    """
    for row in rows_of(path):
        if isinstance(row, QuestionError):
            continue
        if native.matches(row.fields):
            return "stories"
        if native.is_record(row.fields):
            return "records"
        if original.matches(row.fields):
            return "original"
    return "questions"


def story_source(path: Path, layout: str | None, settings: Settings) -> Source:
    """The stories of a file: native ones, the original's rows, or questions whose story has yet to begin.

    ``layout`` is the one that will be written: the rows of a question file are kept for it, where it reads them.
    """

    def rows() -> Iterable[Story | QuestionError]:
        return (one if settings.open_ended else _with_options(one, path) for one in found())

    def found() -> Iterable[Story | QuestionError]:
        match look(path):
            case "original":
                return original.stories(path)
            case "stories":
                return native.stories(path)
            case "records":
                return native.records(path)
            case _ if layout == "original":
                return original.begun(path, settings)
            case _:
                return native.begun(path, settings)

    return rows


def _with_options(one: Story | QuestionError, path: Path) -> Story | QuestionError:
    """A story; an error in its place where it has no options, unless it has failed already."""
    if isinstance(one, QuestionError) or one.question.options or one.failure:
        return one
    return QuestionError(str(path), 0, "options", f"question {one.question.id!r}: {NEEDS_OPTIONS}")


def way_to_records(path: Path) -> str | None:
    """The command that leads from a file of agents to something that can be exported; None for any other file."""
    if not path.is_file() or look(path) not in ("original", "stories"):
        return None
    good = (one for one in story_source(path, None, Settings())() if not isinstance(one, QuestionError))
    name = shlex.quote(str(path))
    if not any(one.chains for one in islice(good, _LOOKED_AT)):
        return f"reasonmed import {name} -o DIR"
    folder = path.with_name(f"{path.name}.run")
    return f"reasonmed run {name} -r RECIPE" + (f" --fork {shlex.quote(str(folder))}" if folder.is_dir() else "")


def refuse_agents_file(path: Path) -> None:
    """Raise where a path is a file of agents, which holds no records yet, with the command that makes them.

    Raises:
        UsageError: it is one.
    """
    try:
        way = way_to_records(path)
    except QuestionError:
        return
    if way is not None:
        raise UsageError(f"{path} is a file of agents' rows, and not a run or an export; this leads there: {way}")


def layout_of(path: Path) -> str:
    """The layout in which an agent's command writes what it read from a file, unless it is told another."""
    return "original" if look(path) == "original" else "native"


def rows_in(layout: str, story: Story) -> tuple[dict[str, object], ...]:
    """The rows that a story was read from, where they are of this layout."""
    return tuple(row for row in story.rows if native.matches(row) == (layout == "native"))


def writer(layout: str) -> Writer:
    """How a layout writes a story after a stage: as rows of plain data.

    Raises:
        UsageError: there is no such layout for stories.
    """
    if layout not in _WRITERS:
        raise UsageError(f"--layout {layout!r}: an agent's command writes {' or '.join(_WRITERS)}")
    return _WRITERS[layout]
