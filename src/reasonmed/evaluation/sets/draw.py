"""Equal samples of data sets: rows by a hash of seed and question, so that a shared question is drawn of all sets."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.evaluation.sets.reading import Unusable, rows_of
from reasonmed.questions.normal import question_hash
from reasonmed.screening.words import words
from reasonmed.types import Kept, Story, digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.evaluation.sets.reading import DataSet, Row

_REASONS, _EXAMPLES = 20, 5
_OTHERS = "other reasons"


class Drawn(NamedTuple):
    """A drawn row: the set's, the hash of its question, and the story that a judge scores."""

    id: str
    mark: str
    story: Story
    words: int


class Part(NamedTuple):
    """What was read of a set: every row is unusable or usable, and some of the usable ones are drawn."""

    set: DataSet
    rows: int
    usable: int
    unusable: dict[str, int]
    examples: list[str]
    drawn: list[Drawn]


class Sample(NamedTuple):
    """Equal samples of several sets."""

    parts: list[Part]
    asked: int
    seed: int
    with_key: bool

    @property
    def n(self) -> int:
        """Rows of each set."""
        return len(self.parts[0].drawn)

    def stories(self) -> list[Story]:
        """The distinct rows of all sets in the order of their hashes, which says nothing of the set."""
        found = {one.story.question.id: one.story for part in self.parts for one in part.drawn}
        return [found[name] for name in sorted(found)]


class _Read(NamedTuple):
    rows: int
    usable: int
    unusable: Counter[str]
    examples: list[str]
    drawn: list[tuple[str, Row]]
    """Marks and rows."""


def draw(sets: Sequence[DataSet], count: int, seed: int) -> Sample:
    """As many rows of each set as asked for, or as the smallest set has.

    Keys are shown to the judge where every drawn row has one, and else of none: a judge who sees the key is a stricter
    one.

    Raises:
        UsageError: a set has no row that can be scored.
    """
    read = [_read(one, count, seed) for one in sets]
    n = min(len(one.drawn) for one in read)
    with_key = all(_has_key(row) for one in read for _, row in one.drawn[:n])
    parts = [
        Part(
            one,
            found.rows,
            found.usable,
            dict(found.unusable.most_common()),
            found.examples,
            [_drawn(mark, row, with_key=with_key) for mark, row in found.drawn[:n]],
        )
        for one, found in zip(sets, read, strict=True)
    ]
    return Sample(parts, count, seed, with_key)


def _read(one: DataSet, count: int, seed: int) -> _Read:
    unusable, examples, seen = Counter[str](), list[str](), Counter[str]()

    def usable() -> Iterator[tuple[str, str, Row]]:
        for row in rows_of(one.path):
            if isinstance(row, Unusable):
                known = row.reason in unusable or len(unusable) < _REASONS
                unusable[row.reason if known else _OTHERS] += 1
                examples.extend([row.told] if len(examples) < _EXAMPLES else ())
                continue
            mark = question_hash(row.question)
            seen[mark] += 1
            yield digest((seed, mark, seen[mark]), 8), mark, row

    drawn = heapq.nsmallest(count, usable(), key=lambda found: found[0])
    if not drawn:
        raise UsageError(f"{one.path} has no row that can be scored: {examples[0] if examples else 'it is empty'}")
    whole = seen.total()
    return _Read(whole + unusable.total(), whole, unusable, examples, [(mark, row) for _, mark, row in drawn])


def _has_key(row: Row) -> bool:
    return row.question.answer is not None or row.question.reference is not None


def _drawn(mark: str, row: Row, *, with_key: bool) -> Drawn:
    """A row under a hash of what the judge reads of it; equal rows of two sets are one."""
    asked = row.question if with_key else replace(row.question, answer=None, reference=None)
    key = digest((asked, row.text, row.response))
    story = Story(replace(asked, id=key), kept=(Kept(row.text, "", response=row.response or None),))
    return Drawn(row.id, mark, story, len(words(row.text)) + len(words(row.response)))
