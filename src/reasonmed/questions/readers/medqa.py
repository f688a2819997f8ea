"""MedQA as published (jind11/MedQA, ``phrases_no_exclude_*.jsonl``): lettered options, ``answer``, ``answer_idx``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.questions._build import Raw, index_of_letter

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {"answer_index": "answer_idx"}


def matches(fields: Mapping[str, Any]) -> bool:
    """A question with options and ``answer_idx``."""
    return {"question", "options", "answer_idx"} <= fields.keys()


def read(fields: Mapping[str, Any]) -> Raw:
    """The letter in ``answer_idx`` is the key; ``answer`` is its text."""
    options = fields["options"]
    count = len(options) if isinstance(options, dict | list) else 0
    meta = {"exam_step": fields["meta_info"]} if "meta_info" in fields else {}
    return Raw(
        id=fields.get("id"),
        question=fields["question"],
        options=options,
        answer=fields.get("answer"),
        answer_index=index_of_letter(fields["answer_idx"], count),
        source="MedQA",
        license="MIT",
        split=fields.get("split"),
        meta=meta,
    )
