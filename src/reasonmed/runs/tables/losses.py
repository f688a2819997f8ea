"""What did not become a record, and what is marked: failures, rewrites that were not taken, dropped branches, flags."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from reasonmed.documents import Count
from reasonmed.runs.tables.shapes import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.runs.tables.shapes import Seen

_LONGEST = 60
_MOST = 1_000
"""Different reasons of a kind that are listed apart: some hold words of a reply."""
_OTHER = "(other)"


class Failed(Struct, frozen=True):
    """Questions without a record, by reason and source."""

    reason: str
    source: str
    questions: Count


class Flagged(Struct, frozen=True):
    """Records with a flag, by tier."""

    flag: str
    tier: str
    records: Count


class Refused(Struct, frozen=True):
    """Rewrites that were not taken (``rewrite``) and branches that ended (``branch``), by stage and reason."""

    kind: str
    stage: str
    reason: str
    number: Count


class Losses:
    """Counts them."""

    def __init__(self) -> None:
        self._failed = Counter[tuple[str, str]]()
        self._flagged = Counter[tuple[str, str]]()
        self._refused = Counter[tuple[str, str, str]]()

    def add(self, one: Seen) -> None:
        """Count those of a question."""
        if not one.done:
            return
        story = one.story
        if story.failure:
            self._failed[story.failure.reason, one.source] += 1
        for kept in (story.kept or ())[: one.records]:
            self._flagged.update((flag, one.tier) for flag in {*story.flags, *kept.flags})
        for rewrite in story.rewrites:
            if rewrite.problem is not None:
                self._refuse("rewrite", rewrite.stage, rewrite.problem)
        for dropped in story.dropped:
            self._refuse("branch", dropped.stage, dropped.reason)

    def _refuse(self, kind: str, stage: str, reason: str) -> None:
        key = (kind, stage, reason if len(reason) <= _LONGEST else f"{reason[:_LONGEST]}...")
        if key not in self._refused and len(self._refused) >= _MOST:
            key = (kind, stage, _OTHER)
        self._refused[key] += 1

    def tables(self) -> Iterator[Table]:
        """Three tables."""
        failed = [Failed(*key, count) for key, count in sorted(self._failed.items())]
        yield Table("failures", "Questions without a record", failed)
        flagged = [Flagged(*key, count) for key, count in sorted(self._flagged.items())]
        yield Table("flags", "Flags of records", flagged)
        refused = [Refused(*key, count) for key, count in sorted(self._refused.items())]
        yield Table("refused", "Rewrites that were not taken, and dropped branches", refused)
