"""KorMedMCQA as published (sean0042/KorMedMCQA): options ``A`` to ``E`` and ``answer``, the key's number from 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.questions._build import Raw

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPTIONS = ("A", "B", "C", "D", "E")
READS = {*_OPTIONS, "answer"}
NAMES = {"answer_number": "answer"}

_FIELDS = {"subject", "year", "question", *READS}
_OF_ANY = {"period", "q_number", "cot", "id", "split", "source", "license"}
_META = ("subject", "year", "period", "q_number", "cot")


def matches(fields: Mapping[str, object]) -> bool:
    """These fields and no others."""
    return fields.keys() - _OF_ANY == _FIELDS


def read(fields: Mapping[str, object]) -> Raw:
    """``answer`` counts from 1, also where nothing in the file shows it."""
    return Raw(
        id=fields.get("id"),
        question=fields["question"],
        options={name: fields[name] for name in _OPTIONS},
        answer_number=fields["answer"],
        source="KorMedMCQA",
        license="CC-BY-NC-2.0",
        split=fields.get("split"),
        meta={name: fields[name] for name in _META if fields.get(name) is not None},
    )
