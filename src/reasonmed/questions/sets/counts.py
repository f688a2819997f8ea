"""What became of a source's rows, and the manifest that says it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, get_args

from reasonmed import __version__
from reasonmed.questions.contamination.screen import told
from reasonmed.questions.held_out import declared_split
from reasonmed.questions.licenses import UNKNOWN, conflict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from reasonmed.questions.contamination import Matcher
    from reasonmed.questions.licenses import Claim
    from reasonmed.questions.sets.fetching import Screen, Source
    from reasonmed.types import Question

FORMAT = 1

Reason: TypeAlias = Literal["bad_row", "test_question", "duplicate", "duplicate_of_other_set"]
REASONS: tuple[Reason, ...] = get_args(Reason)


class Outputs(NamedTuple):
    """The files that come of it."""

    questions: Path
    dropped: Path
    """Every dropped row with its reason."""
    manifest: Path


def outputs(questions: Path) -> Outputs:
    """The question file, and what lies beside it."""
    stem = questions.stem
    return Outputs(questions, *(questions.with_name(f"{stem}.{end}") for end in ("dropped.jsonl", "manifest.json")))


@dataclass
class Counts:
    """What became of a source's rows: those read are those dropped and those written."""

    source: Source
    read: int = 0
    unread: int = 0
    """Bad rows that are no question of the layout."""
    dropped: dict[Reason, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    written: int = 0
    other_keys: int = 0
    """Of the duplicates those with another key than the question that was kept."""
    held_out: int = 0
    """Of the questions written those of a split that an export holds out."""
    licenses: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Questions written by source, license and who says so."""
    first_bad: str = ""

    def keep(self, question: Question) -> None:
        """Count a question that is written."""
        self.written += 1
        self.held_out += declared_split(question) is not None
        self.licenses[question.source or "", question.license or "", question.license_source] += 1

    @property
    def claims(self) -> list[Claim]:
        """What its publishers say of its license where they disagree."""
        return [claim for source, license_, _ in self.licenses for claim in conflict(source, license_)]

    @property
    def license(self) -> str:
        """The licenses of its questions, in a few words; all where its publishers disagree."""
        named = {claim.license for claim in self.claims} or {license_ or UNKNOWN for _, license_, _ in self.licenses}
        return " or ".join(sorted(named))

    @property
    def notes(self) -> list[str]:
        """What a person should know of it, in sentences."""
        label, of = f"{self.source.name}, {self.source.part}", self.source
        told = []
        if self.read != of.rows:
            told.append(f"{label}: {self.read:,} rows, where {of.rows:,} were published")
        if self.claims:
            said = " and ".join(f"{claim.license} ({claim.where})" for claim in self.claims)
            told.append(f"{label}: the license is not certain, its publishers say {said}")
        if self.other_keys:
            told.append(f"{label}: {self.other_keys:,} duplicates have another key than the question that is kept")
        if self.held_out:
            told.append(f"{label}: an export holds these {self.held_out:,} questions out, by their split")
        return told


def manifest(
    counts: Sequence[Counts],
    screens: Sequence[Screen],
    matcher: Matcher,
    matched: Mapping[str, int],
    to: Outputs,
    mark: str,
) -> dict[str, object]:
    """What a file of questions is made of: data sets, commits, licenses, and what became of every row."""
    of_hub = {one.benchmark.name: {**one.fetched.record, "unread": one.unread} for one in screens}
    return {
        "reasonmed_sources": FORMAT,
        "version": __version__,
        "file": to.questions.name,
        "sha256": mark,
        "dropped_file": to.dropped.name,
        "questions": sum(one.written for one in counts),
        "sets": [_set(one) for one in counts],
        "kept_out": [
            {**one, **of_hub.get(str(one["benchmark"]), {}), "matches": matched[str(one["benchmark"])]}
            for one in told(matcher)
        ],
    }


def _set(own: Counts) -> dict[str, object]:
    source = own.source
    return {
        "set": source.name,
        "asked_split": source.asked,
        "split": source.part,
        **source.fetched.record,
        "licenses": [
            {"source": name, "license": license_ or None, "license_source": said, "questions": count}
            for (name, license_, said), count in sorted(own.licenses.items())
        ],
        "publishers_disagree": [claim._asdict() for claim in own.claims],
        "rows_published": source.rows,
        "rows": own.read,
        "dropped": own.dropped,
        "duplicates_with_another_key": own.other_keys,
        "written": own.written,
    }
