"""Admission: every row is checked before the first request, then taken into the ledger in the file's order."""

from __future__ import annotations

import heapq
import sqlite3
from contextlib import closing
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.engine.ledger import encode
from reasonmed.errors import QuestionError, UsageError
from reasonmed.runs.corrections import CorrectedKeys, corrections_in
from reasonmed.runs.sources import Alike, Several
from reasonmed.runs.stories import content_hash, refreshed
from reasonmed.types import Question, Story, digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from reasonmed.engine.job import Job, Outcome, Row
    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.manifest import Correction, InputFile
    from reasonmed.runs.shards import Shard
    from reasonmed.runs.sources import Source

_SHOWN = 20


class Selection(NamedTuple):
    """Which rows of a file: the first ``limit``, ``sample`` drawn by a hash of id and seed, or ``ids``; else all."""

    limit: int | None = None
    sample: int | None = None
    seed: int = 0
    ids: frozenset[str] | None = None
    shard: Shard | None = None
    """The part of these rows that this machine works on."""

    def has(self, name: str) -> bool:
        """Whether a row is in this machine's part."""
        return self.shard is None or self.shard.has(name)


class Survey(NamedTuple):
    """What the first reading of a file found."""

    wanted: int
    """Rows that are wanted and good."""
    hash: str
    """Hash of the identity of every good row of the file, wanted or not."""
    bad: list[QuestionError]
    """The first bad rows."""
    bad_count: int
    drawn: frozenset[str] | None
    """The ids of a sample."""
    without_key: int
    """Wanted rows without an answer key."""
    refreshed: str
    """Hash of what is not identity in the good rows: sources, licenses, splits, meta, and the rows as read."""
    given: int = 0
    """Rows of the file that bring chains of thought."""


class Intake(NamedTuple):
    """A file, how to read it, what of it is wanted, and what the first reading found."""

    file: Path
    source: Source
    selection: Selection
    survey: Survey
    files: tuple[InputFile, ...] = ()
    """Where there are several sources: each, with its counts of rows."""
    alike: Alike = Alike()
    """Their questions that are the same under another id."""


def selected(limit: int | None, sample: int | None, seed: int, shard: Shard | None = None) -> Selection:
    """The first ``limit`` rows, or a sample of them; of these the ones of a shard.

    Raises:
        UsageError: both are asked for.
    """
    if limit is not None and sample is not None:
        raise UsageError("--limit and --sample exclude each other")
    return Selection(limit, sample, seed, shard=shard)


def take_in(file: Path, source: Source, selection: Selection) -> Intake:
    """Read a file, or several, for the first time."""
    found = survey(source, selection, file)
    if isinstance(source, Several):
        return Intake(file, source, selection, found, source.files, source.alike)
    return Intake(file, source, selection, found)


def survey(source: Source, selection: Selection, file: Path | None = None) -> Survey:
    """Read the file once: check every row, find duplicate ids, draw the sample. Keeps no row in memory."""
    bad: list[QuestionError] = []
    lottery: list[_Ticket] = []
    whole, rest = blake2b(digest_size=16), blake2b(digest_size=16)
    count, wanted, bad_count, keyless, given = 0, 0, 0, 0, 0
    for one in _unique(source(), file):
        if isinstance(one, QuestionError):
            bad_count += 1
            bad += [one] if len(bad) < _SHOWN else []
            continue
        count += 1
        given += bool(one.chains)
        whole.update(content_hash(one))
        rest.update(encode((refreshed(one.question), one.rows)))
        if selection.has(one.question.id) and (selection.limit is None or count <= selection.limit):
            wanted += 1
            keyless += one.question.answer is None
        if selection.ids is not None and one.question.id in selection.ids:
            lottery.append(_Ticket(0, one.question.id, one.question.answer is not None))
        elif selection.sample is not None:
            _draw(lottery, one.question, selection)
    if selection.sample is None and selection.ids is None:
        return Survey(wanted, whole.hexdigest(), bad, bad_count, None, keyless, rest.hexdigest(), given)
    ours = [ticket for ticket in lottery if selection.has(ticket.id)]
    drawn = frozenset(ticket.id for ticket in ours)
    keyless = sum(not ticket.has_key for ticket in ours)
    return Survey(len(drawn), whole.hexdigest(), bad, bad_count, drawn, keyless, rest.hexdigest(), given)


def refuse_bad(intake: Intake) -> None:
    """Raise when a file has bad rows, with the first of them and their number."""
    found = intake.survey
    if not found.bad_count:
        return
    lines = "\n".join(f"  {one}" for one in found.bad)
    more = found.bad_count - len(found.bad)
    rows = "1 bad row" if found.bad_count == 1 else f"{found.bad_count} bad rows"
    rest = f"\n  ... and {more} more" if more else ""
    raise QuestionError(str(intake.file), 0, "", f"{rows}:\n{lines}{rest}\nFix them, or skip them with --skip-bad.")


def refuse_unusable(intake: Intake, *, skip_bad: bool) -> None:
    """Raise when a file has bad rows that are not to be skipped, or no good ones.

    Raises:
        QuestionError: it has bad rows.
        UsageError: it has no rows to work on.
    """
    if not skip_bad:
        refuse_bad(intake)
    if not intake.survey.wanted:
        raise UsageError(f"{intake.file} has no rows to work on")


def admit(
    ledger: Ledger,
    job: Job[Row, Outcome],
    intake: Intake,
    row: Callable[[Story], Row],
    wanted: Sequence[Correction] = (),
) -> int:
    """Read the file again and take its wanted rows into the ledger, all or none; returns how many are new.

    What is not identity is refreshed from the file, in finished outcomes too. Keys that were corrected in the run stay,
    and so do those that ``wanted`` corrects next, also where the file has them already.

    Raises:
        RunDirectoryError: a row with an id that the ledger knows has changed.
    """
    keys = CorrectedKeys(corrections_in(ledger), wanted)
    rows = ((row(keys.corrected(story)), is_wanted) for story, is_wanted in _good(intake))
    return ledger.admit(job, rows, _name_of(intake))


def _name_of(intake: Intake) -> str:
    """What rows an intake wants, in a word: their contents and order, and which of them."""
    ids = intake.selection.ids
    which = (intake.selection._replace(ids=None), None if ids is None else sorted(ids))
    return digest((intake.survey.hash, intake.survey.refreshed, which))


def wanted(intake: Intake) -> Iterator[Story]:
    """The rows of a file that are wanted and good."""
    return (story for story, is_wanted in _good(intake) if is_wanted)


def _good(intake: Intake) -> Iterator[tuple[Story, bool]]:
    """The good rows of a file, each with whether it is wanted."""
    drawn, limit, count = intake.survey.drawn, intake.selection.limit, 0
    for one in _unique(intake.source(), intake.file):
        if not isinstance(one, QuestionError):
            count += 1
            within = intake.selection.has(one.question.id) and (limit is None or count <= limit)
            yield one, within if drawn is None else one.question.id in drawn


def _unique(rows: Iterable[Story | QuestionError], file: Path | None) -> Iterator[Story | QuestionError]:
    """The rows, with an error in place of each one whose id has been seen; ids are kept on disk, not in memory."""
    with closing(sqlite3.connect("", check_same_thread=False)) as seen:
        seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
        for number, one in enumerate(rows, 1):
            if (
                isinstance(one, QuestionError)
                or seen.execute("INSERT OR IGNORE INTO seen VALUES (?)", (one.question.id,)).rowcount
            ):
                yield one
            else:
                problem = f"{one.question.id!r} stands twice; the second is row {number}: {one.question.stem[:60]!r}"
                yield QuestionError(str(file or ""), 0, "id", problem)


class _Ticket(NamedTuple):
    number: int
    id: str
    has_key: bool


def _draw(lottery: list[_Ticket], question: Question, selection: Selection) -> None:
    """Keep the ids with the smallest hashes; the list is a heap with the largest of them first."""
    number = -int(digest((selection.seed, question.id), 8), 16)
    ticket = _Ticket(number, question.id, question.answer is not None)
    if len(lottery) < (selection.sample or 0):
        heapq.heappush(lottery, ticket)
    else:
        heapq.heappushpop(lottery, ticket)
