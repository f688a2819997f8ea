"""MedXpertQA as published (TsinghuaC3I/MedXpertQA): ten lettered options and ``label``, the key's letter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.questions._build import Raw

if TYPE_CHECKING:
    from collections.abc import Mapping

READS = {"question", "options", "label"}

_CHOICES = re.compile(r"Answer Choices:\s*\(A\)")
_META = {"medical_task": "task", "body_system": "subject", "question_type": "question_type"}


def matches(fields: Mapping[str, object]) -> bool:
    """A question with options and ``label``, and a field that only MedXpertQA has."""
    return fields.keys() >= READS and bool(_META.keys() & fields.keys())


def read(fields: Mapping[str, object]) -> Raw:
    """The letter in ``label`` is the key; the list of choices at the question's end is taken off."""
    stem = fields["question"]
    return Raw(
        id=fields.get("id"),
        question=_CHOICES.split(stem, 1)[0] if isinstance(stem, str) else stem,
        options=fields["options"],
        keys={"label": fields["label"]},
        source="MedXpertQA",
        license="MIT",
        split=fields.get("split"),
        meta={ours: fields[theirs] for theirs, ours in _META.items() if fields.get(theirs) is not None},
    )
