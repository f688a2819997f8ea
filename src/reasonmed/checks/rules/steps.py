"""What a judge's labels of steps say: a severe fault in a record, offsets that are not those of the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.parsing.steps import misfit

if TYPE_CHECKING:
    from reasonmed.checks.cases import Passage
    from reasonmed.types import Question


def severe(passage: Passage, question: Question) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A record with a step that the judge labelled a severe fault."""
    if passage.subject != "record":
        return None
    found = (
        f"step {number} is labelled a severe {step.type}: {step.note}"
        for number, step in enumerate(passage.steps, 1)
        if step.severity == "severe"
    )
    return next(found, None)


def offsets(passage: Passage, question: Question) -> str | None:  # noqa: ARG001 - the shape of every rule
    """A text whose steps do not follow each other from its beginning to its end."""
    return misfit(passage.chain or "", passage.steps) if passage.steps else None
