"""What a data set is made of: questions and records by source and split; the tiers of its questions by source."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Count
from reasonmed.runs.tables.shapes import NONE, TIERS, UNFINISHED, Table, named, ordered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.runs.tables.shapes import Key, Seen


class Composed(Struct, frozen=True):
    """Questions of a source and split."""

    source: str
    split: str
    questions: Count
    open_ended: Count
    with_context: Count
    without_key: Count
    with_records: Count
    records: Count


class Routed(Struct, frozen=True):
    """The tiers of a source's questions, and of its records."""

    source: str
    questions: Count
    easy: Count
    medium: Count
    difficult: Count
    no_tier: Count
    unfinished: Count
    easy_records: Count
    medium_records: Count
    difficult_records: Count


class Composition:
    """Counts questions."""

    def __init__(self) -> None:
        self._splits: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._tiers: defaultdict[Key, Counter[str]] = defaultdict(Counter)

    def add(self, one: Seen) -> None:
        """Count a question."""
        question = one.story.question
        of_split = self._splits[one.source, question.split or NONE]
        of_split.update(
            questions=1,
            open_ended=not question.options,
            with_context=question.context is not None,
            without_key=(question.answer if question.options else question.reference) is None,
            with_records=one.records > 0,
            records=one.records,
        )
        for source in (one.source, None):
            self._tiers[source,].update({one.tier: 1, f"{one.tier}_records": one.records, "questions": 1})

    def tables(self) -> Iterator[Table]:
        """Both tables."""
        rows = [
            Composed(
                source,
                split,
                found["questions"],
                found["open_ended"],
                found["with_context"],
                found["without_key"],
                found["with_records"],
                found["records"],
            )
            for (source, split), found in sorted(self._splits.items())
        ]
        yield Table("composition", "Questions by source and split", rows)
        yield Table(
            "tiers",
            "Tiers by question and source",
            [self._routed(key) for key in ordered(self._tiers)],
            ("A tier counts questions; the last three columns count records.",),
        )

    def _routed(self, key: Key) -> Routed:
        (source,), found = named(key), self._tiers[key]
        easy, medium, difficult = TIERS
        return Routed(
            source,
            found["questions"],
            found[easy],
            found[medium],
            found[difficult],
            found[NONE],
            found[UNFINISHED],
            found[f"{easy}_records"],
            found[f"{medium}_records"],
            found[f"{difficult}_records"],
        )
