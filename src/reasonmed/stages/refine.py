"""Refine: an editor rewrites the kept chains of a medium question, with the reasons against the failed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.agents import gather
from reasonmed.stages.rewriting import Draft, attempt, failed_reasons, take, with_problem

if TYPE_CHECKING:
    from reasonmed.team import Team
    from reasonmed.types import Kept, Rewrite, Story


async def refine(story: Story, team: Team) -> Story:
    """Rewrite every kept chain; where no rewrite is accepted, the verified original stays, flagged."""
    if team.editor is None or not story.kept:
        return story
    results = await gather(_refined(story, kept, team) for kept in story.kept)
    return replace(
        story,
        kept=tuple(kept for kept, _ in results),
        rewrites=(*story.rewrites, *(rewrite for _, tried in results for rewrite in tried)),
    )


async def _refined(story: Story, kept: Kept, team: Team) -> tuple[Kept, list[Rewrite]]:
    options = team.stages.refine
    if options is None or team.editor is None:
        return kept, []
    draft = Draft("refine", kept.text, kept.parent, failed_reasons(story, kept.parent), options.verify)
    tried = []
    for number in range(options.rounds):
        rewrite = await attempt(story, team, team.editor, draft, number)
        tried.append(rewrite)
        if rewrite.problem is None:
            return take(rewrite), tried
        draft = with_problem(draft, rewrite)
    return replace(kept, flags=(*kept.flags, "not_refined")), tried
