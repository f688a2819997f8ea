"""Which files have the columns that a person has mapped."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from reasonmed.errors import QuestionError
from reasonmed.questions._files import Row, rows
from reasonmed.questions._nested import unwrapped
from reasonmed.questions._own import mapped_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_LOOK = 100


def has_mapped(path: Path, names: Mapping[str, str]) -> bool:
    """Whether a file has the columns that a person has mapped; a table has all of them, or none.

    Raises:
        QuestionError: the file cannot be read, or is a table that has only some of them.
    """
    theirs = mapped_names(names)
    try:
        return _any_of(theirs, rows(path, theirs))
    except QuestionError as missing:
        if missing.field not in theirs or _any_of(theirs, rows(path)):
            raise
        return False


def _any_of(theirs: set[str], found: Iterator[Row | QuestionError]) -> bool:
    good = (row for row in found if not isinstance(row, QuestionError))
    return any(theirs & unwrapped(row.fields).keys() for row in islice(good, _LOOK))
