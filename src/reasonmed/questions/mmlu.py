"""MMLU as published (hendrycks/test): CSV without a header: question, four options, the key's letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.questions._build import Raw

if TYPE_CHECKING:
    from collections.abc import Mapping

_COLUMNS = ("0", "1", "2", "3", "4", "5")


def matches(fields: Mapping[str, Any]) -> bool:
    """Six columns without names, the last one a letter."""
    return tuple(fields) == _COLUMNS and str(fields["5"]).strip() in tuple("ABCD")


def read(fields: Mapping[str, Any]) -> Raw:
    """Columns by their place. The letter is the key, even where it is also an option's text."""
    key = str(fields["5"]).strip()
    index: object = "ABCD".index(key) if key in tuple("ABCD") else key
    options = [fields.get(column) for column in _COLUMNS[1:5]]
    return Raw(question=fields["0"], options=options, answer_index=index, source="MMLU", license="MIT")
