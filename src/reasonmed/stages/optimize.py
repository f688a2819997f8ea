"""Optimize: a strong author writes a deep chain of thought for a difficult question, with all reasons at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.stages.blind import read_blind
from reasonmed.stages.rank import draw
from reasonmed.stages.rewriting import Draft, attempt, failed_reasons, take, with_problem
from reasonmed.types import Failure

if TYPE_CHECKING:
    from reasonmed.team import Team
    from reasonmed.types import Kept, Rewrite, Story


async def optimize(story: Story, team: Team) -> Story:
    """Write one chain that passes every check, in so many rounds; else the question is a failure."""
    options = team.stages.optimize
    if options is None or team.author is None:
        return replace(
            story,
            failure=Failure("no_optimizer", "the question is difficult, and the recipe has no optimize stage"),
        )
    draft = _first_draft(story, verified=options.verify)
    tried: list[Rewrite] = []
    for number in range(options.rounds):
        rewrite = await attempt(story, team, team.author, draft, number)
        if rewrite.problem is None and team.blind_reader is not None:
            rewrite = await read_blind(story.question, rewrite, team.blind_reader)
        tried.append(rewrite)
        if rewrite.problem is None:
            kept: tuple[Kept, ...] = (take(rewrite),)
            return replace(story, kept=kept, rewrites=(*story.rewrites, *tried))
        draft = with_problem(draft, rewrite)
    problems = "; ".join(f"round {rewrite.round + 1}: {rewrite.problem}" for rewrite in tried)
    failure = Failure("unverified", f"no attempt of the author passed: {problems}")
    return replace(story, kept=(), rewrites=(*story.rewrites, *tried), failure=failure)


def _first_draft(story: Story, *, verified: bool) -> Draft:
    """The kept chain, else the correct one, else the best wrong one: right answer first, then drawn."""
    if story.kept:
        kept = story.kept[0]
        return Draft("optimize", kept.text, kept.parent, failed_reasons(story, kept.parent), verified)
    there = [index for index, chain in enumerate(story.chains) if chain.missing is None]
    if not there:
        return Draft("optimize", "", None, (), verified)

    def standing(index: int) -> tuple[bool, bool, str]:
        chain = story.chains[index]
        right = chain.answer == story.question.answer
        return chain.outcome != "correct", not right, draw(0, story.question, index)

    best = min(there, key=standing)
    own = best if story.chains[best].outcome == "correct" else None
    return Draft("optimize", story.chains[best].text, best, failed_reasons(story, own), verified)
