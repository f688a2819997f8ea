"""The story of one question of a run, finished or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import UsageError
from reasonmed.questions.ids import question_of

if TYPE_CHECKING:
    from reasonmed.engine.ledger import Ledger
    from reasonmed.types import Story


def question_in(ledger: Ledger, name: str) -> str:
    """The id of a question of a run, from its own id or that of one of its records.

    Raises:
        UsageError: the run has no such question.
    """
    for candidate in (name, question_of(name)):
        if next(ledger.query("SELECT 1 FROM items WHERE id = ?", candidate), None):
            return candidate
    near = [one for (one,) in ledger.query("SELECT id FROM items ORDER BY position LIMIT 3", shape=tuple[str])]
    raise UsageError(f"{ledger.path.parent} has no question {name!r}; its ids look like {', '.join(near) or '(none)'}")


def story_in(ledger: Ledger, question_id: str) -> tuple[Story, bool]:
    """A question's story, and whether it is finished; one that is not is as it was taken in."""
    story = next(ledger.stories("SELECT story FROM outcomes WHERE id = ?", question_id), None)
    if story is not None:
        return story, True
    return next(ledger.stories("SELECT story FROM items WHERE id = ?", question_id)), False
