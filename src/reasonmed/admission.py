"""Admission: every row is checked before the first request, then taken into the ledger in the file's order."""

from __future__ import annotations

import heapq
import sqlite3
from contextlib import closing
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import QuestionError, RunDirectoryError
from reasonmed.ledger import encode, pack
from reasonmed.types import Question, Story, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from reasonmed.ledger import Ledger

    Source = Callable[[], Iterable[Story | QuestionError]]

_SHOWN = 20
_PAGE = 500


class Selection(NamedTuple):
    """Which rows of a file to take: the first ``limit``, or ``sample`` drawn by a hash of id and seed; else all."""

    limit: int | None = None
    sample: int | None = None
    seed: int = 0


class Survey(NamedTuple):
    """What the first reading of a file found."""

    wanted: int
    """Rows that are wanted and good."""
    hash: str
    """Hash of every good row of the file, wanted or not."""
    bad: list[QuestionError]
    """The first bad rows."""
    bad_count: int
    drawn: frozenset[str] | None
    """The ids of a sample."""
    without_key: int
    """Wanted rows without an answer key."""


class Intake(NamedTuple):
    """A file, how to read it, what of it is wanted, and what the first reading found."""

    file: Path
    source: Source
    selection: Selection
    survey: Survey


def take_in(file: Path, source: Source, selection: Selection) -> Intake:
    """Read a file for the first time."""
    return Intake(file, source, selection, survey(source, selection))


def survey(source: Source, selection: Selection) -> Survey:
    """Read the file once: check every row, find duplicate ids, draw the sample. Keeps no row in memory."""
    bad: list[QuestionError] = []
    lottery: list[tuple[int, str]] = []
    whole, count, bad_count, keyless = blake2b(digest_size=16), 0, 0, 0
    for one in _unique(source()):
        if isinstance(one, QuestionError):
            bad_count += 1
            bad += [one] if len(bad) < _SHOWN else []
            continue
        count += 1
        whole.update(content_hash(one))
        keyless += one.question.answer is None and (selection.limit is None or count <= selection.limit)
        if selection.sample is not None:
            _draw(lottery, one.question.id, selection)
    drawn = None if selection.sample is None else frozenset(name for _, name in lottery)
    wanted = len(drawn) if drawn is not None else min(count, selection.limit or count)
    return Survey(wanted, whole.hexdigest(), bad, bad_count, drawn, keyless)


def refuse_bad(intake: Intake) -> None:
    """Raise when a file has bad rows, with the first of them and their number."""
    found = intake.survey
    if not found.bad_count:
        return
    lines = "\n".join(f"  {one}" for one in found.bad)
    more = found.bad_count - len(found.bad)
    rows = "1 bad row" if found.bad_count == 1 else f"{found.bad_count} bad rows"
    rest = f"\n  ... and {more} more" if more else ""
    raise QuestionError(
        str(intake.file), 0, "", f"{rows}:\n{lines}{rest}\nMend them, or leave them out with --skip-bad."
    )


def admit(ledger: Ledger, intake: Intake) -> int:
    """Read the file again and take its wanted rows into the ledger; returns how many are new.

    Raises:
        RunDirectoryError: a row with an id that the ledger knows has changed.
    """
    new, page = 0, []
    for position, story in enumerate(_wanted(intake)):
        page.append((position, story.question.id, content_hash(story), story))
        if len(page) == _PAGE:
            new += _take(ledger, page)
            page = []
    return new + _take(ledger, page)


def content_hash(story: Story) -> bytes:
    """A hash of everything in a row that can change a record; ``meta`` is not in it."""
    question = story.question
    told = Question(
        question.id,
        question.stem,
        question.options,
        question.answer,
        question.context,
        question.source,
        question.license,
        answer_source=question.answer_source,
    )
    rest = (story.chains, story.tier, story.kept, story.rewrites)
    return blake2b(encode((told, rest)), digest_size=16).digest()


def _wanted(intake: Intake) -> Iterator[Story]:
    taken, drawn, limit = 0, intake.survey.drawn, intake.selection.limit
    for one in _unique(intake.source()):
        if isinstance(one, QuestionError) or (drawn is not None and one.question.id not in drawn):
            continue
        if drawn is None and limit is not None and taken >= limit:
            return
        taken += 1
        yield one


def _unique(rows: Iterable[Story | QuestionError]) -> Iterator[Story | QuestionError]:
    """The rows, with an error in place of each one whose id has been seen; ids are kept on disk, not in memory."""
    with closing(sqlite3.connect("")) as seen:
        seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
        for one in rows:
            if (
                isinstance(one, QuestionError)
                or seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (one.question.id,)).rowcount
            ):
                yield one
            else:
                stem = one.question.stem[:60]
                yield QuestionError("", 0, "id", f"{one.question.id!r} stands twice; the second is {stem!r}")


def _draw(lottery: list[tuple[int, str]], name: str, selection: Selection) -> None:
    """Keep the ids with the smallest hashes; the list is a heap with the largest of them first."""
    ticket = (-int(digest((selection.seed, name), 8), 16), name)
    if len(lottery) < (selection.sample or 0):
        heapq.heappush(lottery, ticket)
    else:
        heapq.heappushpop(lottery, ticket)


def _take(ledger: Ledger, page: list[tuple[int, str, bytes, Story]]) -> int:
    new = 0

    def change(connection: sqlite3.Connection) -> None:
        nonlocal new
        for position, name, mark, story in page:
            known = connection.execute("SELECT hash FROM items WHERE id = ?", (name,)).fetchone()
            if known is None:
                new += 1
                connection.execute("INSERT INTO items VALUES (?, ?, ?, ?)", (position, name, mark, pack(story)))
            elif known[0] != mark:
                raise RunDirectoryError(
                    f"question {name!r} has changed since the run {ledger.path.parent} took it in; give the changed "
                    f"question another id, or start a new run with -o NEW --fork {ledger.path.parent}"
                )
            else:
                connection.execute("UPDATE items SET position = ? WHERE id = ?", (position, name))

    ledger.apply(change).result()
    return new
