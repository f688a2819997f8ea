"""Findings on a question, as its page shows them; ``findings.html.jinja`` is filled with these."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reasonmed.checks.findings import Finding


class Found(NamedTuple):
    """A finding: the rule, what it is on, and the evidence."""

    rule: str
    on: str
    evidence: str


def findings_shown(findings: Iterable[Finding]) -> list[Found]:
    """Findings with what they are on in words."""
    return [Found(one.rule, _on(one), one.evidence) for one in findings]


def _on(one: Finding) -> str:
    return "the question" if one.subject == "question" else f"{one.subject} {one.id}"
