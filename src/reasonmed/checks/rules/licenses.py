"""The license gate: what a source allows is said by its license, or is not known."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.questions.licenses import well_known

if TYPE_CHECKING:
    from reasonmed.checks.cases import Case

_SAID_BY = {"row": ", by its own row", "layout": ", by the layout of its file"}
Allowed = frozenset[str]
"""Licenses that are wanted, in lower case; empty for any."""

_NONCOMMERCIAL = re.compile(
    r"\bNC\b|\bnon-?\s?commercial\b|\b(?:research|academic)(?:[- ]use)?[- ]only\b", re.IGNORECASE
)


def missing(case: Case, allowed: Allowed) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A question whose source has no license."""
    if _license(case):
        return None
    return (
        f"source {case.question.source!r} comes without a license" if case.question.source else "no source, no license"
    )


def noncommercial(case: Case, allowed: Allowed) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A license that forbids commercial use."""
    found = _license(case)
    return f"license {found!r}{_said_by(case)}" if _NONCOMMERCIAL.search(found) else None


def unknown(case: Case, allowed: Allowed) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A license that is none of the well-known ones: somebody must read it."""
    found = _license(case)
    return f"license {found!r}{_said_by(case)} is none that is known" if found and not well_known(found) else None


def not_allowed(case: Case, allowed: Allowed) -> str | None:
    """A license that is not among those wanted; none is not either."""
    found = _license(case)
    return f"license {found!r}{_said_by(case)} is not wanted" if allowed and found.casefold() not in allowed else None


def _said_by(case: Case) -> str:
    return _SAID_BY.get(case.question.license_source, "")


def _license(case: Case) -> str:
    return (case.question.license or "").strip()
