"""What a check found, as a filter: ids of questions and records that an export leaves out, by rule."""

from __future__ import annotations

from fnmatch import fnmatchcase
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct

from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class _Finding(Struct):
    id: str
    rule: str


class _Report(Struct):
    findings: list[_Finding]


class Drops(NamedTuple):
    """Which findings are left out: the rule that names each id, and how many ids each pattern of rules names."""

    file: str
    sha256: str
    patterns: dict[str, int]
    rules: dict[str, str]

    def told(self) -> dict[str, Any]:
        """As the manifest shows it: the report by name and hash, the patterns with their counts; not every id."""
        return {"findings": self.file, "sha256": self.sha256, "drop": self.patterns}


def read_drops(path: Path, patterns: Sequence[str]) -> Drops:
    """The findings of a report of ``reasonmed check`` whose rule fits one of the patterns (``contamination.*``).

    Raises:
        UsageError: the file cannot be read, or is no such report.
    """
    try:
        content = path.read_bytes()
        report = msgspec.json.decode(content, type=_Report)
    except OSError as unread:
        raise UsageError(f"--findings {path}: cannot be read: {unread.strerror}") from unread
    except msgspec.MsgspecError as wrong:
        raise UsageError(
            f"--findings {path}: is no report of `reasonmed check --json FILE` ({wrong}); it needs "
            '{"findings": [{"id": .., "rule": ..}, ..]}'
        ) from wrong
    named: dict[str, set[str]] = {pattern: set() for pattern in patterns}
    rules: dict[str, str] = {}
    for one in report.findings:
        for pattern in patterns:
            if fnmatchcase(one.rule, pattern):
                named[pattern].add(one.id)
                rules[one.id] = min(one.rule, rules.get(one.id, one.rule))
    counts = {pattern: len(ids) for pattern, ids in named.items()}
    return Drops(path.name, sha256(content).hexdigest(), counts, rules)
