"""One thing or several: a text given where a list may stand is that one text, not its letters."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

Names = str | Sequence[str]
Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def names(given: Names) -> list[str]:
    """The names, in their order."""
    return [given] if isinstance(given, str) else [*given]


def paths(given: Paths) -> list[Path]:
    """The paths, in their order."""
    return [Path(given)] if isinstance(given, str | os.PathLike) else [Path(one) for one in given]
