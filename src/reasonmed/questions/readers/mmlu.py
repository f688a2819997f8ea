"""MMLU as published (hendrycks/test): CSV without a header: question, four options, the key's letter.

Also as the hub has it (cais/mmlu): ``question``, ``subject``, ``choices`` and ``answer``, the key's index from 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw, index_of_letter
from reasonmed.questions._row import glance

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = {"options": "choices", "answer_index": "answer"}

_COLUMNS = ("0", "1", "2", "3", "4", "5")
_OF_THE_HUB = {"question", "subject", "choices", "answer"}


def matches(fields: Mapping[str, Any]) -> bool:
    """Six columns without names, the last one a letter; or the hub's fields and no others."""
    return fields.keys() == _OF_THE_HUB or (tuple(fields) == _COLUMNS and str(fields["5"]).strip() in tuple("ABCD"))


def read(fields: Mapping[str, Any]) -> Raw:
    """Columns by their place. The letter is the key, even where it is also an option's text."""
    if "choices" in fields:
        return _of_the_hub(fields)
    if tuple(fields) != _COLUMNS:
        raise QuestionError("", 0, "", f"has {len(fields)} columns, not 6: question, four options, the key's letter")
    stem, *options, key = (fields[column] for column in _COLUMNS)
    index = index_of_letter(key, len(options))
    if not isinstance(index, int):
        raise QuestionError("", 0, "answer", f"must be the key's letter, A to D, not {key!r:.80}")
    return Raw(question=stem, options=options, answer_index=index, source="MMLU", license="MIT")


def _of_the_hub(fields: Mapping[str, Any]) -> Raw:
    """The index is the key, even where it is also an option's text."""
    index = fields["answer"]
    if not isinstance(index, int) or isinstance(index, bool):
        raise QuestionError("", 0, "answer", f"must be the key's index, not {glance(index)}")
    return Raw(
        question=fields["question"],
        options=fields["choices"],
        answer_index=index,
        source="MMLU",
        license="MIT",
        meta={"subject": fields["subject"]},
    )
