"""Findings, and the report file that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from reasonmed.documents import Count, Document, json_text
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a report. ``id`` is the question's, the record's or the chain's, as ``subject`` says."""

    id: str
    rule: str
    subject: str
    question_id: str
    evidence: str
    details: dict[str, Any] = {}


class Coverage(msgspec.Struct, frozen=True):
    """How much of a benchmark was compared with, by which methods, and what came of it.

    ``of`` is the size of the whole benchmark, None where it is not known.
    """

    benchmark: str
    questions: int
    of: int | None
    said: str
    methods: list[str]
    matches: dict[str, int]


class Checked(msgspec.Struct, frozen=True):
    """What was checked."""

    kind: str
    name: str


class Counts(msgspec.Struct, frozen=True):
    """How much was checked, and how much was found."""

    questions: Count
    records: Count
    chains: Count
    license_source: dict[str, Count]
    findings: Count
    rules: dict[str, Count]
    not_checked: dict[str, str]
    """Rules that were not applied, with the reason."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report without its findings, which stand in a file of their own until it is written."""

    version: int = VERSION
    input: Checked
    coverage: list[Coverage]
    counts: Counts

    @property
    def sizes(self) -> str:
        """How much was checked, in words."""
        counts = self.counts
        return f"{counts.questions:,} questions, {counts.records:,} records, {counts.chains:,} chains"

    @property
    def licenses(self) -> str:
        """Who named the licenses of the questions, in a sentence."""
        said = self.counts.license_source
        rows, layout, none = (f"{said[name]:,}" for name in ("row", "layout", "none"))
        return (
            f"licenses: {rows} named by the questions' own rows, {layout} by the layout of the file, {none} by neither"
        )


class _File(msgspec.Struct):
    version: int
    findings: list[Finding]


REPORT = Document(
    "report of `reasonmed check --json`", _File, UsageError, "make one with this version", ("version", (VERSION,))
)


def read_findings(path: Path) -> dict[str, set[str]]:
    """The rules that found something, by the id of the question, record or chain.

    Raises:
        UsageError: the file cannot be read, is no report of ``reasonmed check --json``, or is one of another version.
    """
    rules: dict[str, set[str]] = {}
    for finding in all_findings(path):
        rules.setdefault(finding.id, set()).add(finding.rule)
    return rules


def all_findings(path: Path) -> list[Finding]:
    """The findings of a report.

    Raises:
        UsageError: as ``read_findings``.
    """
    try:
        return REPORT.read(path).findings
    except OSError as unread:
        raise UsageError(f"{path} cannot be read: {unread.strerror}") from unread


def header(report: Report) -> str:
    """The beginning of a report file, up to its findings."""
    return json_text(report).removesuffix("\n}\n")
