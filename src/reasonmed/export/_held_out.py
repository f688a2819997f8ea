"""The questions of the held-out split, for formats that evaluate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.export._view import View
    from reasonmed.types import Question


def held_out(view: View) -> Iterator[Question]:
    """The questions with options of the split test; of validation where there is no test."""
    split = "test" if view.questions["test"] else "validation"
    return (case.question for case in view.cases() if case.split == split and case.question.answer is not None)
