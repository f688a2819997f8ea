"""The questions of a run in a list: what became of each, and those among them that somebody looks for."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec import Struct

from reasonmed.runs.stories import unpack_story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.engine.ledger.rows import Line
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.types import Question


class Listed(Struct):
    """A question of a run."""

    id: str
    state: Literal["succeeded", "failed", "unfinished"]
    tier: str | None
    reason: str | None
    """Why it failed."""
    records: int
    source: str | None
    question: str


class Wanted(NamedTuple):
    """Which questions to list; all where nothing is said."""

    tiers: frozenset[str] = frozenset()
    is_failed: bool = False
    sources: frozenset[str] = frozenset()
    search: str = ""
    """A text that stem, context, an option or the id has, in any case of letters."""


def listed(run: RunDirectory, wanted: Wanted) -> Iterator[Listed]:
    """The questions of a run, in input order; also while it runs.

    Raises:
        RunDirectoryError: it is no run.
    """
    run.manifest()
    with closing(run.reader()) as ledger:
        for line in ledger.lines():
            if (wanted.tiers and line.tier not in wanted.tiers) or (wanted.is_failed and line.reason is None):
                continue
            question = ledger.read(line.row, unpack_story).question
            if _is_looked_for(question, wanted):
                yield _listed(line, question)


def _is_looked_for(question: Question, wanted: Wanted) -> bool:
    if wanted.sources and question.source not in wanted.sources:
        return False
    texts = (question.id, question.stem, question.context or "", *question.options)
    return not wanted.search or any(wanted.search.casefold() in text.casefold() for text in texts)


def _listed(line: Line, question: Question) -> Listed:
    state: Literal["succeeded", "failed", "unfinished"] = "unfinished"
    if line.is_done:
        state = "succeeded" if line.reason is None else "failed"
    return Listed(question.id, state, line.tier, line.reason, line.records, question.source, question.stem)
