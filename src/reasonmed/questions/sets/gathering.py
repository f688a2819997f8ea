"""From the rows of sets to one question file: every row is written, or dropped with its reason."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from reasonmed.errors import ReasonMedError
from reasonmed.files import replacing_all
from reasonmed.processes import in_order
from reasonmed.questions import Settings
from reasonmed.questions._lint import Seen, native_row
from reasonmed.questions.benchmarks.published import rows_of
from reasonmed.questions.normal import key_of
from reasonmed.questions.sets.counts import Counts, manifest
from reasonmed.types import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

    from reasonmed.questions.contamination import Matcher
    from reasonmed.questions.sets.counts import Outputs, Reason
    from reasonmed.questions.sets.fetching import Screen, Source

_BATCH = 250
"""Rows that are compared with the benchmarks at a time."""
_ALONE = 8
"""Batches up to which one process compares them all: to start others takes as long."""
_encode = msgspec.json.Encoder().encode


class Row(NamedTuple):
    """A row of a source, before anything is decided about it."""

    source: int
    question: Question | None
    problem: str = ""
    """Where it is no question: the place and what is wrong."""
    copy_of: tuple[str, ...] = ()
    """The benchmarks that hold it."""
    evidence: str = ""


def gather(
    sources: Sequence[Source],
    screens: Sequence[Screen],
    matcher: Matcher,
    to: Outputs,
    done: Callable[[int], None],
) -> list[Counts]:
    """Write the questions of sources that no benchmark holds, each once; returns what became of each source's rows.

    Of equal questions the first is kept, in the order of the sources. All files are written whole or not at all.

    Args:
        sources: where the rows are from.
        screens: the benchmarks of the hub that are compared with, for the manifest.
        matcher: finds the questions of these and of further benchmarks.
        to: the files to write.
        done: called with the number of rows done.

    Raises:
        ReasonMedError: a source has no row that is a question of its layout.
    """
    counts = [Counts(one) for one in sources]
    ids: dict[str, str] = {}
    matched = {one.name: 0 for one in matcher.benchmarks}
    mark = sha256()
    with replacing_all(to) as (questions, dropped, about), closing(Seen()) as seen:
        for row in _screened(_rows(sources), matcher):
            own = counts[row.source]
            own.read += 1
            reason, detail = _reason(row, own, seen, ids)
            for name in row.copy_of:
                matched[name] += 1
            if reason is None and row.question is not None:
                line = _encode(native_row(row.question)) + b"\n"
                mark.update(line)
                questions.write(line)
                own.keep(row.question)
            elif reason is not None:
                own.dropped[reason] += 1
                _drop(dropped, own, row, reason, detail)
            done(sum(one.read for one in counts))
        _refuse_unread(sources, counts)
        about.write(json.dumps(manifest(counts, screens, matcher, matched, to, mark.hexdigest()), indent=1).encode())
    return counts


def _rows(sources: Sequence[Source]) -> Iterator[Row]:
    """The rows of all sources, their ids with the set's name."""
    for number, source in enumerate(sources):
        settings = Settings(source.layout, records=True)
        for name, one in rows_of(source.fetched, settings):
            if isinstance(one, Question):
                yield Row(number, replace(one, id=_named(source.name, one.id), split=source.part))
            else:
                told = (f"{name}:{one.line}", one.field, one.problem)
                yield Row(number, None, ": ".join(part for part in told if part))


def _named(name: str, own: str) -> str:
    return own if own.startswith(f"{name}-") else f"{name}-{own}"


def _screened(rows: Iterator[Row], matcher: Matcher) -> Iterator[Row]:
    """The same rows, each with the benchmarks that hold it."""
    batches = iter(lambda: list(islice(rows, _BATCH)), [])
    for batch in in_order(batches, partial(_comparing, matcher), alone=_ALONE):
        yield from batch


@contextmanager
def _comparing(matcher: Matcher) -> Iterator[Callable[[list[Row]], list[Row]]]:
    """What every process does with a batch."""
    yield lambda batch: [_compared(row, matcher) for row in batch]


def _compared(row: Row, matcher: Matcher) -> Row:
    found = matcher.matches(row.question) if row.question else []
    evidence = "; ".join(f"contamination.{match.method}: {match.evidence}" for match in found)
    return row._replace(copy_of=tuple(match.benchmark for match in found), evidence=evidence)


def _reason(row: Row, own: Counts, seen: Seen, ids: dict[str, str]) -> tuple[Reason | None, str]:
    """Why a row is dropped, None where it is kept, and what there is to say of it.

    Args:
        row: the row.
        own: the counts of its source.
        seen: the questions that are kept.
        ids: their ids, each with its set.
    """
    if row.question is None:
        own.unread += 1
        own.first_bad = own.first_bad or row.problem
        return "bad_row", row.problem
    if row.copy_of:
        return "test_question", row.evidence
    if row.question.id in ids:
        return "bad_row", f"{row.question.id!r:.100} is the id of an earlier question"
    first = seen.first(row.question)
    if first is None:
        ids[row.question.id] = own.source.name
        return None, ""
    key = key_of(row.question)
    other_key = bool(key and first.key and key != first.key)
    own.other_keys += other_key
    reason: Reason = "duplicate" if ids[first.id] == own.source.name else "duplicate_of_other_set"
    return reason, f"same as {first.id}{', with another key' if other_key else ''}"


def _drop(sink: BinaryIO, own: Counts, row: Row, reason: Reason, detail: str) -> None:
    told = {
        "set": own.source.name,
        "split": own.source.part,
        "id": row.question.id if row.question else None,
        "reason": reason,
        "detail": detail,
    }
    sink.write(_encode(told) + b"\n")


def _refuse_unread(sources: Sequence[Source], counts: Sequence[Counts]) -> None:
    for source, own in zip(sources, counts, strict=True):
        if own.unread == own.read:
            files = ", ".join(source.fetched.paths)
            first = f"; the first: {own.first_bad}" if own.first_bad else ""
            raise ReasonMedError(
                f"{source.fetched.label}: none of the {own.read:,} rows of {files} is a question of layout "
                f"{source.layout}{first}. The files of this revision are "
                "not those that the set is known by; leave @REVISION out, or name another"
            )
