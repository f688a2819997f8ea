"""MedMCQA as published: ``opa`` to ``opd`` and ``cop``, 1-based in the GitHub files and 0-based on the hub.

Which of the two is decided over the whole file: a 0 makes it 0-based, a 4 makes it 1-based.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw
from reasonmed.questions._row import glance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from reasonmed.questions import Settings

_OPTIONS = ("opa", "opb", "opc", "opd")
NAMES = {f"options[{index}]": name for index, name in enumerate(_OPTIONS)}

_NO_KEY = -1
_INTEGER = re.compile(r"\s*-?[0-9]{1,2}(\.0)?\s*")
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
    telling = (0, len(_OPTIONS), None, _NO_KEY)
    found = {number if number in telling else 1 for number in (_number(fields.get("cop")) for fields in rows)}
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
    return Raw(
        id=fields.get("id"),
        question=fields["question"],
        options=[fields[name] for name in _OPTIONS],
        answer_index=_index(fields.get("cop"), base),
        source="MedMCQA",
        license="MIT",
        split=fields.get("split"),
        meta={ours: fields[theirs] for theirs, ours in _META.items() if fields.get(theirs) is not None},
    )


def _index(cop: object, base: int) -> int | None:
    number = _number(cop)
    if number == _NO_KEY or cop is None or cop == "":
        return None
    if isinstance(cop, list) and len(cop) > 1:
        raise QuestionError("", 0, "cop", f"several keys: {glance(cop)}; a question has one")
    if number is None or not base <= number < base + len(_OPTIONS):
        raise QuestionError("", 0, "cop", f"must be from {base} to {base + len(_OPTIONS) - 1}, not {glance(cop)}")
    return number - base


def _number(value: object) -> int | None:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(float(value))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
