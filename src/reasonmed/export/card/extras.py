"""What a card takes from other files: a report of ``reasonmed check`` and a judge card. Only what it shows is kept."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from reasonmed.errors import UsageError
from reasonmed.outside import Unusable, json_as, reason, small_file

if TYPE_CHECKING:
    from pathlib import Path


class _Coverage(Struct):
    benchmark: str
    said: str
    questions: int | None = None
    of: int | None = None
    methods: list[str] = []
    matches: dict[str, int] = {}


class _Counts(Struct):
    rules: dict[str, int] = {}
    not_checked: dict[str, str] = {}
    questions: int | None = None


class _Report(Struct):
    input: dict[str, Any]
    coverage: list[_Coverage]
    counts: _Counts


class _Share(Struct):
    count: int
    of: int
    share: float | None = None
    low: float | None = None
    high: float | None = None


class _Estimate(Struct):
    value: float | None = None
    low: float | None = None
    high: float | None = None


class _Stratum(Struct):
    sensitivity: _Share
    specificity: _Share
    sound: int | None = None
    wrong: int | None = None
    undecided: _Share | None = None
    kappa: _Estimate | None = None


class _Injection(Struct):
    resisted: _Share | None = None


class _Retest(Struct):
    same: _Share | None = None


class _JudgeCard(Struct):
    name: str
    strata: dict[str, _Stratum]
    cases: int | None = None
    source: str | None = None
    demo: bool = False
    injection: _Injection | None = None
    retest: _Retest | None = None


def read_report(path: Path) -> dict[str, Any]:
    """What a card shows of a report of ``reasonmed check --json FILE``.

    Raises:
        UsageError: the file cannot be read, or is no such report.
    """
    return _read(path, "--findings", _Report, "report of `reasonmed check --json FILE`")


def read_judge_card(path: Path) -> dict[str, Any]:
    """What a card shows of a ``judge_card.json``.

    Raises:
        UsageError: the file cannot be read, or is no judge card.
    """
    return _read(path, "--judge-card", _JudgeCard, "judge card of `reasonmed judge-card`")


_MOST_BYTES = 1 << 30
"""Bytes of a report."""


def _read(path: Path, option: str, shape: type[Struct], what: str) -> dict[str, Any]:
    try:
        content = small_file(path, _MOST_BYTES)
        found = json_as(content, shape)
    except OSError as unread:
        raise UsageError(f"{option} {path}: cannot be read: {reason(unread)}") from unread
    except Unusable as wrong:
        raise UsageError(f"{option} {path}: is no {what} ({wrong})") from wrong
    told: dict[str, Any] = msgspec.to_builtins(found)
    return {"file": path.name, "sha256": sha256(content).hexdigest(), **told}
