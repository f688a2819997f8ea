"""MedMCQA as published: ``opa`` to ``opd`` and ``cop``, 1-based in the GitHub files and 0-based on the hub.

Which of the two is decided over the whole file: a 0 makes it 0-based, a 4 makes it 1-based.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reasonmed.questions import Settings

_OPTIONS = ("opa", "opb", "opc", "opd")
_NO_KEY = -1
_META = {"subject_name": "subject", "topic_name": "topic", "exp": "explanation", "choice_type": "choice_type"}


def matches(fields: Mapping[str, Any]) -> bool:
    """Options in four fields of their own."""
    return {"question", *_OPTIONS} <= fields.keys()


def prepare(rows: Iterable[Mapping[str, Any]], settings: Settings) -> int:
    """Whether ``cop`` counts from 0 or from 1.

    Raises:
        QuestionError: neither a 0 nor a 4 stands in the file, or both do, and no base was given.
    """
    if settings.cop_base is not None:
        return settings.cop_base
    found = {_number(fields.get("cop")) for fields in rows}
    if 0 in found and len(_OPTIONS) in found:
        raise QuestionError(
            "", 0, "cop", "holds both 0 and 4, so it is neither 0-based nor 1-based; say --cop-base 0 or 1"
        )
    if 0 in found:
        return 0
    if len(_OPTIONS) in found or found <= {None, _NO_KEY}:
        return 1
    raise QuestionError("", 0, "cop", "holds neither 0 nor 4, so its base is unknown; say --cop-base 0 or 1")


def read(fields: Mapping[str, Any], base: int) -> Raw:
    """``cop`` is the key; -1 or nothing means that there is none. ``choice_type: multi`` has one key all the same."""
    cop = fields.get("cop")
    number = _number(cop)
    index = number - base if number is not None else cop
    return Raw(
        id=fields.get("id"),
        question=fields["question"],
        options=[fields[name] for name in _OPTIONS],
        answer_index=None if number == _NO_KEY else index,
        source="MedMCQA",
        license="MIT",
        split=fields.get("split"),
        meta={ours: fields[theirs] for theirs, ours in _META.items() if fields.get(theirs) is not None},
    )


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().removeprefix("-").isdecimal():
        return int(value)
    return None
