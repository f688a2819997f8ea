"""MedMCQA as published: ``opa`` to ``opd`` and ``cop``, 1-based in the GitHub files and 0-based on the hub.

Which of the two is decided over the whole file: a 0 makes it 0-based, a 4 makes it 1-based. A letter is a letter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.questions._build import Raw

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPTIONS = ("opa", "opb", "opc", "opd")
READS = {*_OPTIONS, "cop"}
BASE = "--cop-base"
NAMES = {f"options[{index}]": name for index, name in enumerate(_OPTIONS)}

_NO_KEY = ("-1", "-1.0")
_MARKS = {"cop", "subject_name"}
_META = {"subject_name": "subject", "topic_name": "topic", "exp": "explanation", "choice_type": "choice_type"}


def matches(fields: Mapping[str, object]) -> bool:
    """Options in four fields of their own, and a key or a subject under MedMCQA's name."""
    return {"question", *_OPTIONS} <= fields.keys() and bool(_MARKS & fields.keys())


def read(fields: Mapping[str, object]) -> Raw:
    """``cop`` is the key; -1 or nothing means that there is none. ``choice_type: multi`` has one key all the same."""
    cop = fields.get("cop")
    return Raw(
        id=fields.get("id"),
        question=fields["question"],
        options=[fields[name] for name in _OPTIONS],
        keys={} if str(cop).strip() in _NO_KEY else {"cop": cop},
        source="MedMCQA",
        license="MIT",
        split=fields.get("split"),
        meta={ours: fields[theirs] for theirs, ours in _META.items() if fields.get(theirs) is not None},
    )
