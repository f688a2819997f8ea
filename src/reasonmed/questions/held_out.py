"""The held-out splits that question files name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonmed.types import Question

_DECLARED = {
    "test": "test",
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
}
"""What question files call their held-out splits. Questions of any other split are drawn."""


def declared_split(question: Question) -> str | None:
    """The held-out split that a question's own file puts it in."""
    return _DECLARED.get((question.split or "").strip().lower())
