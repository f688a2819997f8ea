"""One question of a run, as a page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.runs.stories import story_in
from reasonmed.web.views import View

if TYPE_CHECKING:
    from reasonmed.engine.ledger import Ledger


def story_view(ledger: Ledger, name: str) -> View | None:
    """The view of a question; None where the run has none of this id."""
    if not ledger.has(name):
        return None
    story, done = story_in(ledger, name)
    values = {"title": name, "question": story.question, "chains": story.chains, "done": done}
    return View("question", values)
