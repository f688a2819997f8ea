"""PubMedQA as published (``ori_pqal.json``, or the hub's rows): yes / no / maybe about an abstract."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from reasonmed.questions._build import Raw

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPTIONS = ["yes", "no", "maybe"]


def matches(fields: Mapping[str, Any]) -> bool:
    """The published names of its fields."""
    return "QUESTION" in fields or {"question", "long_answer", "final_decision"} <= fields.keys()


def read(fields: Mapping[str, Any]) -> Raw:
    """Sections of the abstract with their labels, a blank line between; the long answer goes to ``meta``."""
    nested = fields.get("context")
    nested = nested if isinstance(nested, dict) else {}
    texts = fields.get("CONTEXTS") or nested.get("contexts") or []
    labels = fields.get("LABELS") or nested.get("labels") or []
    listed = isinstance(texts, list) and isinstance(labels, list)
    sections = (
        [f"{label}: {text}" if label else text for label, text in zip_longest(labels, texts)] if listed else texts
    )
    pmid = fields.get("id") or fields.get("pubid")
    meta = {
        "pmid": pmid,
        "year": fields.get("YEAR"),
        "explanation": fields.get("LONG_ANSWER") or fields.get("long_answer"),
    }
    return Raw(
        id=f"pubmedqa-{pmid}" if pmid else None,
        question=fields.get("QUESTION") or fields.get("question"),
        options=_OPTIONS,
        answer=fields.get("final_decision"),
        context="\n\n".join(map(str, sections)) if listed else sections,
        source="PubMedQA",
        license="MIT",
        split=fields.get("split"),
        meta={name: value for name, value in meta.items() if value is not None},
    )
