"""What no type says of a story: that its indices point at something."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reasonmed.types import Dropped, Kept, Rewrite, Story


def unsound(story: Story) -> str | None:
    """Why a story from a file cannot be used; None where it can."""
    options, chains = len(story.question.options), len(story.chains)
    concluded = [chain.answer for chain in (*story.chains, *(rewrite.chain for rewrite in story.rewrites))]
    for answer in (story.question.answer, *concluded):
        if answer is not None and not 0 <= answer < options:
            return f"answer is {answer}, and the question has {options} options"
    stemming: tuple[Kept | Rewrite | Dropped, ...] = (*(story.kept or ()), *story.rewrites, *story.dropped)
    for one in stemming:
        if one.parent is not None and not 0 <= one.parent < chains:
            return f"parent is {one.parent}, and there are {chains} chains of thought"
    return None
