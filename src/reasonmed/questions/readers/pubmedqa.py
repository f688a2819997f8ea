"""PubMedQA as published (``ori_pqal.json``, or the hub's rows): yes / no / maybe about an abstract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw
from reasonmed.questions._row import glance

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {"question": "QUESTION", "answer": "final_decision", "context": "CONTEXTS"}

_OPTIONS = ["yes", "no", "maybe"]
READS = {"QUESTION", "question", "final_decision", "LABELS", "labels"}
_MARKS = {"QUESTION", "final_decision", "long_answer"}


def matches(fields: Mapping[str, object]) -> bool:
    """The published names of its fields."""
    return "QUESTION" in fields or {"question", "long_answer", "final_decision"} <= fields.keys()


def read(fields: Mapping[str, object]) -> Raw:
    """Sections of the abstract with their labels, a blank line between; the long answer goes to ``meta``."""
    if not _MARKS & fields.keys():
        raise QuestionError("", 0, "QUESTION", "is missing")
    pmid = fields.get("id") or fields.get("pubid")
    meta = {
        "pmid": pmid,
        "year": fields.get("YEAR"),
        "explanation": fields.get("LONG_ANSWER") or fields.get("long_answer"),
    }
    return Raw(
        id=f"pubmedqa-{pmid}" if isinstance(pmid, str | int) and pmid else pmid,
        question=fields.get("QUESTION") or fields.get("question"),
        options=_OPTIONS,
        answer=fields.get("final_decision"),
        context=_context(fields),
        source="PubMedQA",
        license="MIT",
        split=fields.get("split"),
        meta={name: value for name, value in meta.items() if value is not None},
    )


def _context(fields: Mapping[str, object]) -> object:
    nested = fields.get("context")
    if isinstance(nested, dict):
        texts, labels = nested.get("contexts"), nested.get("labels")
    else:
        texts, labels = fields.get("CONTEXTS") or nested, fields.get("LABELS")
    if not isinstance(texts, list):
        return texts
    if not all(isinstance(text, str) for text in texts):
        raise QuestionError("", 0, "CONTEXTS", f"must be a list of texts, not {glance(texts)}")
    named = labels if isinstance(labels, list) and len(labels) == len(texts) else [None] * len(texts)
    return "\n\n".join(f"{label}: {text}" if label else text for label, text in zip(named, texts, strict=True))
