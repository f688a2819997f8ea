"""What the makers of models say about outputs: a dated table in the package. Unknown is said, never guessed."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import yaml

_TABLE = Path(__file__).with_name("terms.yaml")


class Terms(NamedTuple):
    """The terms of a family of models. ``weights`` says that they are a license of weights, not of a service."""

    family: str
    terms: str
    says: str
    source: str
    weights: bool


class _Family(msgspec.Struct, forbid_unknown_fields=True):
    pattern: str
    family: str
    terms: str
    says: str
    source: str
    weights: bool = False


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    date: date
    families: tuple[_Family, ...]


@cache
def _table() -> _Table:
    return msgspec.convert(yaml.safe_load(_TABLE.read_text(encoding="utf-8")), _Table)


def terms_date() -> str:
    """The day on which the shipped terms were taken down."""
    return str(_table().date)


def terms_of(model: str) -> Terms | None:
    """The terms of a model, by its provider's name for it; None where they are not in the table."""
    for one in _table().families:
        if re.search(one.pattern, model, re.IGNORECASE):
            return Terms(one.family, one.terms, one.says, one.source, one.weights)
    return None
