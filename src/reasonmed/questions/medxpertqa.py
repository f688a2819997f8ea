"""MedXpertQA as published (TsinghuaC3I/MedXpertQA): ten lettered options and ``label``, the key's letter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reasonmed.questions._build import Raw
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHOICES = re.compile(r"\s*\n?\s*Answer Choices:\s*\(A\).*\Z", re.DOTALL)
_META = {"medical_task": "task", "body_system": "subject", "question_type": "question_type"}


def matches(fields: Mapping[str, Any]) -> bool:
    """A question with lettered options and ``label``."""
    has_options = isinstance(fields.get("options"), dict | list)
    return {"question", "options", "label"} <= fields.keys() and has_options and "answer_idx" not in fields


def read(fields: Mapping[str, Any]) -> Raw:
    """The letter in ``label`` is the key; the list of choices at the question's end is taken off."""
    options = fields["options"]
    if isinstance(options, list) and all(
        isinstance(one, dict) and {"letter", "content"} <= one.keys() for one in options
    ):
        options = {one["letter"]: one["content"] for one in options}
    label = fields["label"]
    names = [letter(index) for index in range(len(options))] if isinstance(options, dict | list) else []
    index = names.index(label) if label in names else None
    stem = fields["question"]
    return Raw(
        id=fields.get("id"),
        question=_CHOICES.sub("", stem) if isinstance(stem, str) else stem,
        options=options,
        answer=label if index is None else None,
        answer_index=index,
        source="MedXpertQA",
        license="MIT",
        split=fields.get("split"),
        meta={ours: fields[theirs] for theirs, ours in _META.items() if fields.get(theirs) is not None},
    )
