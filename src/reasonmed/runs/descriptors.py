"""How many files and connections this process may have open, and what a run makes of it."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from reasonmed.backends import ModelSettings

_OWN = 64
"""Files that a run has open beside its connections."""


def fit(models: Collection[ModelSettings], wanted: int) -> tuple[int, str | None]:
    """The most requests that may be open at once, and a word on it where that is fewer than is wanted.

    Raises the soft limit on open files as far as it may be raised. Each address keeps connections of its own.
    """
    addresses = sum(len(entry.split()) for entry in models)
    most = max(1, (_raised(wanted * addresses + _OWN) - _OWN) // max(1, addresses))
    if wanted <= most:
        return wanted, None
    return most, (
        f"limits.in_flight is {most} instead of {wanted}: this system allows a process {_limit():,} open files "
        f"(raise it with `ulimit -n {wanted * addresses + _OWN}`)"
    )


def _limit() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _raised(wanted: int) -> int:
    """The limit on open files, raised to what is wanted if that is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if most > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError):  # a limit of the system that is lower than it says
            return soft
    return most
