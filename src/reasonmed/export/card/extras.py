"""What a card takes from other files: a report of ``reasonmed check`` and a judge card. Only what it shows is kept."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from reasonmed.documents import Count, Number, Refused, content_of, decoded
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


class _Coverage(Struct):
    benchmark: str
    said: str
    questions: Count | None = None
    of: Count | None = None
    methods: list[str] = []
    matches: dict[str, Count] = {}


class _Counts(Struct):
    rules: dict[str, Count] = {}
    not_checked: dict[str, str] = {}
    questions: Count | None = None


class Report(Struct):
    """What a card shows of a report of checks."""

    input: dict[str, Any]
    coverage: list[_Coverage]
    counts: _Counts


class _Share(Struct):
    count: Count
    of: Count
    share: Number | None = None
    low: Number | None = None
    high: Number | None = None


class _Estimate(Struct):
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None


class _Stratum(Struct):
    sensitivity: _Share
    specificity: _Share
    sound: Count | None = None
    wrong: Count | None = None
    undecided: _Share | None = None
    kappa: _Estimate | None = None


class _Injection(Struct):
    resisted: _Share | None = None


class _Retest(Struct):
    same: _Share | None = None


class JudgeCard(Struct):
    """What a card shows of a judge card."""

    name: str
    strata: dict[str, _Stratum]
    cases: Count | None = None
    source: str | None = None
    demo: bool = False
    injection: _Injection | None = None
    retest: _Retest | None = None


def read_report(path: Path) -> dict[str, Any]:
    """What a card shows of a report of ``reasonmed check --json FILE``.

    Raises:
        UsageError: the file cannot be read, or is no such report.
    """
    return _read(path, "--findings", Report, "report of `reasonmed check --json FILE`")


def read_judge_card(path: Path) -> dict[str, Any]:
    """What a card shows of a ``judge_card.json``.

    Raises:
        UsageError: the file cannot be read, or is no judge card.
    """
    return _read(path, "--judge-card", JudgeCard, "judge card of `reasonmed judge-card`")


def _read(path: Path, option: str, shape: type[Struct], what: str) -> dict[str, Any]:
    try:
        content = content_of(path)
    except (Refused, OSError) as unread:
        raise UsageError(f"{option} {path}: cannot be read: {getattr(unread, 'strerror', None) or unread}") from unread
    try:
        told: dict[str, Any] = msgspec.to_builtins(decoded(content, shape))
    except Refused as wrong:
        raise UsageError(f"{option} {path}: is no {what} ({wrong})") from wrong
    return {"file": path.name, "sha256": sha256(content).hexdigest(), **told}
