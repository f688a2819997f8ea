"""MedXpertQA as published (TsinghuaC3I/MedXpertQA): ten lettered options and ``label``, the key's letter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw, index_of_letter

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {"answer": "label"}

_CHOICES = re.compile(r"Answer Choices:\s*\(A\)")
_META = {"medical_task": "task", "body_system": "subject", "question_type": "question_type"}


def matches(fields: Mapping[str, Any]) -> bool:
    """A question with options and ``label``, and no other field that could be the key."""
    others = {"answer", "answer_index", "answer_idx"}
    return {"question", "options", "label"} <= fields.keys() and not others & fields.keys()


def read(fields: Mapping[str, Any]) -> Raw:
    """The letter in ``label`` is the key; the list of choices at the question's end is taken off."""
    options = _plain(fields["options"])
    key = index_of_letter(fields["label"], len(options) if isinstance(options, dict | list) else 0)
    stem = fields["question"]
    return Raw(
        id=fields.get("id"),
        question=_CHOICES.split(stem, 1)[0] if isinstance(stem, str) else stem,
        options=options,
        answer=key,
        source="MedXpertQA",
        license="MIT",
        split=fields.get("split"),
        meta={ours: fields[theirs] for theirs, ours in _META.items() if fields.get(theirs) is not None},
    )


def _plain(options: object) -> object:
    """Options that are a list of ``letter`` and ``content``, as a map."""
    if not isinstance(options, list) or not all(
        isinstance(one, dict) and isinstance(one.get("letter"), str) and "content" in one for one in options
    ):
        return options
    names = [one["letter"] for one in options]
    if len(set(names)) < len(names):
        raise QuestionError("", 0, "options", f"a letter stands twice: {', '.join(names):.80}")
    return {one["letter"]: one["content"] for one in options}
