"""MedQA as published (jind11/MedQA, ``phrases_no_exclude_*.jsonl``): lettered options, ``answer``, ``answer_idx``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.questions._build import Raw

if TYPE_CHECKING:
    from collections.abc import Mapping

READS = {"question", "options", "answer", "answer_idx"}
_MARKS = {"meta_info", "metamap_phrases"}


def matches(fields: Mapping[str, object]) -> bool:
    """A question with options and ``answer_idx``, and a field that only MedQA has."""
    return {"question", "options", "answer_idx"} <= fields.keys() and bool(_MARKS & fields.keys())


def read(fields: Mapping[str, object]) -> Raw:
    """The letter in ``answer_idx`` is the key; ``answer`` is its text."""
    meta = {"exam_step": fields["meta_info"]} if "meta_info" in fields else {}
    return Raw(
        id=fields.get("id"),
        question=fields["question"],
        options=fields["options"],
        answer=fields.get("answer"),
        keys={"answer_idx": fields["answer_idx"]},
        source="MedQA",
        license="MIT",
        split=fields.get("split"),
        meta=meta,
    )
