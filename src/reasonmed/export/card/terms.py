"""What the makers of models say about outputs: a dated table in the package. Unknown is said, never guessed."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_TABLE = Path(__file__).with_name("terms.yaml")


class Terms(NamedTuple):
    """The terms of a family of models. ``weights`` says that they are a license of weights, not of a service."""

    family: str
    terms: str
    says: str
    source: str
    weights: bool


@cache
def _table() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    return found


def terms_date() -> str:
    """The day on which the shipped terms were taken down."""
    return str(_table()["date"])


def terms_of(model: str) -> Terms | None:
    """The terms of a model, by its provider's name for it; None where they are not in the table."""
    for one in _table()["families"]:
        if re.search(one["pattern"], model, re.IGNORECASE):
            return Terms(one["family"], one["terms"], one["says"], one["source"], bool(one.get("weights")))
    return None
