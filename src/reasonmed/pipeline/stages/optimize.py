"""Optimize: a strong author writes a deep chain of thought for a difficult question, with all reasons at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages._blind import read_blind, reading
from reasonmed.pipeline.stages._reply import need_options
from reasonmed.pipeline.stages._rewrite import (
    Draft,
    attempt,
    best_wrong,
    failed_reasons,
    shaping,
    take,
    with_candidates,
    with_problem,
    without_repeats,
)
from reasonmed.pipeline.stages.verify import fetch_reasons
from reasonmed.recipe.checks import blind_reader
from reasonmed.recipe.options import Optimize
from reasonmed.recipe.stages import RoleSpec, StageSpec
from reasonmed.types import Dropped, Failure, Tier

if TYPE_CHECKING:
    from reasonmed.pipeline.team import Team
    from reasonmed.types import Kept, Rewrite, Story


async def optimize(story: Story, team: Team) -> Story:
    """Write a chain that passes every check, in so many rounds; where none does, the question is a failure.

    One for each kept chain of the story; one in all where none is kept yet, from the correct or the best wrong chain.
    """
    need_options(story.question, "optimize")
    if team.roles["author"] is None:
        detail = "the question is difficult, and the recipe has no optimize stage"
        return replace(story, failure=Failure("no_optimizer", detail))
    story = await fetch_reasons(story, team)
    results = await gather(_optimized(story, draft, team) for draft in _drafts(story))
    kept, repeats = without_repeats([one for one, _ in results if one is not None], "optimize")
    rewrites = (*story.rewrites, *(rewrite for _, tried in results for rewrite in tried))
    dropped = tuple(Dropped("optimize", _problems(tried), tried[-1].parent) for one, tried in results if one is None)
    failure = None if kept else Failure("unverified", f"no attempt of the author passed: {dropped[0].reason}")
    return replace(story, kept=kept, rewrites=rewrites, dropped=(*story.dropped, *dropped, *repeats), failure=failure)


async def _optimized(story: Story, draft: Draft, team: Team) -> tuple[Kept | None, list[Rewrite]]:
    options, author, reader = team.stages.optimize, team.roles["author"], team.roles["blind_reader"]
    tried: list[Rewrite] = []
    for number in range(options.rounds if options else 0):
        if author is None:
            break
        rewrite = await attempt(story, team, author, draft, number)
        if rewrite.problem is None and reader is not None:
            rewrite = await read_blind(story.question, rewrite, reader)
        tried.append(rewrite)
        if rewrite.problem is None:
            return take(rewrite, story.question), tried
        draft = with_problem(draft, rewrite)
    return None, tried


def _problems(tried: list[Rewrite]) -> str:
    return "; ".join(f"round {rewrite.round + 1}: {rewrite.problem}" for rewrite in tried)


def _drafts(story: Story) -> list[Draft]:
    if story.kept:
        return [Draft("optimize", kept.text, kept.parent, failed_reasons(story, kept.parent)) for kept in story.kept]
    right = next((index for index, chain in enumerate(story.chains) if chain.outcome == "correct"), None)
    best = right if right is not None else best_wrong(story)
    text = story.chains[best].text if best is not None else ""
    return [Draft("optimize", text, best, failed_reasons(story, right))]


async def _alone(story: Story, team: Team) -> Story:
    return await optimize(with_candidates(story), team)


SPEC = StageSpec(
    name="optimize",
    run=optimize,
    options=Optimize,
    roles=(
        RoleSpec(name="author", prompt="optimize"),
        RoleSpec(
            name="blind_reader",
            prompt="blind",
            option="blind_model",
            model=blind_reader,
            wanted=lambda options: bool(options.blind),
            title="blind reader",
            verb="answered difficult questions from the reasoning alone",
            sampling=reading,
            priority=60,
        ),
    ),
    about="Have a strong author write the chain of thought of difficult questions.",
    verb="wrote those of difficult questions",
    done="optimized",
    needs=("verify",),
    priority=50,
    card=("temperature", "top_p", "max_tokens", "rounds", "verify", "blind"),
    writes="chain",
    keyed=True,
    tiers=(Tier.DIFFICULT,),
    alone=_alone,
    made=lambda kept: kept.origin == "optimize",
    rows="chain",
    shaped_by=shaping,
)
