"""What a check found, as a filter: ids of questions and records that an export leaves out, by rule."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.backends._weights import sha256_of
from reasonmed.checks.findings import read_findings
from reasonmed.errors import UsageError
from reasonmed.export._manifest import Dropped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Drops(NamedTuple):
    """Which findings are left out: the rule that names each id, and how many ids each pattern of rules names."""

    file: str
    sha256: str
    patterns: dict[str, int]
    rules: dict[str, str]

    def shown(self) -> Dropped:
        """As the manifest shows it: the report by name and hash, the patterns with their counts; not every id."""
        return Dropped(self.file, self.sha256, self.patterns)


def read_drops(path: Path, patterns: Sequence[str]) -> Drops:
    """The findings of a report of ``reasonmed check`` whose rule fits one of the patterns.

    A pattern is a whole name, a group (``contamination``) or has wildcards (``*.chain*``).

    Raises:
        UsageError: the file cannot be read, or is no such report.
    """
    found = read_findings(path)
    named: dict[str, set[str]] = {pattern: set() for pattern in patterns}
    rules: dict[str, str] = {}
    for name, those in found.items():
        for rule in sorted(those, reverse=True):
            for pattern in patterns:
                if fnmatchcase(rule, pattern) or rule.startswith(f"{pattern}."):
                    named[pattern].add(name)
                    rules[name] = rule
    counts = {pattern: len(ids) for pattern, ids in named.items()}
    return Drops(path.name, sha256_of(path), counts, rules)


def drops_of(findings: Path | None, patterns: Sequence[str]) -> Drops | None:
    """What is left out by patterns of rules; None where there are none.

    Raises:
        UsageError: there are patterns and no report, or the file is no report.
    """
    if not patterns:
        return None
    if findings is None:
        raise UsageError("--drop RULE needs --findings FILE, a report of `reasonmed check --json FILE`")
    return read_drops(findings, patterns)
