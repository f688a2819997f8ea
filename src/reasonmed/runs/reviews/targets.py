"""The texts of a question that a person can judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.questions.ids import chain_id, question_of, record_id
from reasonmed.types import digest

if TYPE_CHECKING:
    from reasonmed.types import Question, Story, Verdict

_HASH_BYTES = 16


class Target(NamedTuple):
    """A text under review.

    ``id`` is that of a record, or of a generated chain of thought; ``hash`` stands for all that a reviewer judges: the
    question with its options and key, the text, the response. ``verdict`` is the judge's.
    """

    id: str
    kind: Literal["record", "chain"]
    question: Question
    text: str
    response: str | None
    model: str
    verdict: Verdict | None
    hash: str


def targets_of(story: Story) -> list[Target]:
    """The records of a finished story, then its chains of thought that have a text."""
    question = story.question
    kept = () if story.failure else story.kept or ()
    found = [
        _target(record_id(question.id, number), "record", question, one.text, one.response, one.model, one.verdict)
        for number, one in enumerate(kept, 1)
    ]
    return found + [
        _target(chain_id(question.id, number), "chain", question, one.text, None, one.model, one.verdict)
        for number, one in enumerate(story.chains, 1)
        if one.missing is None
    ]


def target_of(story: Story, name: str) -> Target | None:
    """One text of a story by its id; None where the story has none of it."""
    if question_of(name) != story.question.id:
        return None
    return next((one for one in targets_of(story) if one.id == name), None)


def _target(  # noqa: PLR0913, PLR0917 - the fields of a target
    name: str,
    kind: Literal["record", "chain"],
    question: Question,
    text: str,
    response: str | None,
    model: str,
    verdict: Verdict | None,
) -> Target:
    judged = [question.stem, question.options, question.context, question.answer, question.reference, text, response]
    return Target(name, kind, question, text, response, model, verdict, digest(judged, _HASH_BYTES))
