"""MMLU as published (hendrycks/test): CSV without a header: question, four options, the key's letter.

Also as the hub has it (cais/mmlu): ``question``, ``subject``, ``choices`` and ``answer``, the key's index from 0; and
as MMLU-Redux has it, whose reviewers say in ``error_type`` and ``correct_answer`` which keys they doubt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import QuestionError
from reasonmed.questions._build import Raw
from reasonmed.questions._row import glance

if TYPE_CHECKING:
    from collections.abc import Mapping

READS = {*map(str, range(100)), "choices", "answer", "correct_answer"}
NAMES = {"options": "choices", "answer_index": "answer"}

_COLUMNS = ("0", "1", "2", "3", "4", "5")
_LETTERS = ("A", "B", "C", "D")
_OF_THE_HUB = {"question", "choices", "answer"}
_MARKS = ({"subject"}, {"error_type", "correct_answer"})
_BESIDE = {"subject", "error_type", "correct_answer", "potential_reason"}
_OF_ANY = {"id", "split", "source", "license"}


def matches(fields: Mapping[str, object]) -> bool:
    """Six columns without names, the last one a letter; or the fields of the hub or of MMLU-Redux and no others."""
    if tuple(fields) == _COLUMNS:
        return str(fields["5"]).strip() in _LETTERS
    names = fields.keys() - _OF_ANY
    return names >= _OF_THE_HUB and names <= _OF_THE_HUB | _BESIDE and any(mark <= names for mark in _MARKS)


def read(fields: Mapping[str, object]) -> Raw:
    """Columns by their place. The letter is the key, even where it is also an option's text."""
    if "choices" in fields:
        return _of_the_hub(fields)
    if tuple(fields) != _COLUMNS:
        raise QuestionError("", 0, "", f"has {len(fields)} columns, not 6: question, four options, the key's letter")
    stem, *options, key = (fields[column] for column in _COLUMNS)
    if str(key).strip().upper() not in _LETTERS:
        raise QuestionError("", 0, "answer", f"must be the key's letter, A to D, not {key!r:.80}")
    index = _LETTERS.index(str(key).strip().upper())
    return Raw(question=stem, options=options, answer_index=index, source="MMLU", license="MIT")


def _of_the_hub(fields: Mapping[str, object]) -> Raw:
    """The index is the key, even where it is also an option's text."""
    index = fields["answer"]
    if not isinstance(index, int) or isinstance(index, bool):
        raise QuestionError("", 0, "answer", f"must be the key's index, not {glance(index)}")
    return Raw(
        id=fields.get("id"),
        question=fields["question"],
        options=fields["choices"],
        answer_index=index,
        source="MMLU",
        license="MIT",
        split=fields.get("split"),
        meta={name: fields[name] for name in fields if name in _BESIDE},
    )
