"""Refine: an editor rewrites the kept chains of a medium question, with the reasons against the failed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages._reply import need_options
from reasonmed.pipeline.stages._rewrite import (
    Draft,
    attempt,
    failed_reasons,
    shaping,
    take,
    with_candidates,
    with_problem,
    without_repeats,
)
from reasonmed.pipeline.stages._step_edit import EDIT, EDIT_SCHEMA, example, faulty
from reasonmed.pipeline.stages.verify import fetch_reasons
from reasonmed.recipe.options import Refine
from reasonmed.recipe.stages import RoleSpec, StageSpec
from reasonmed.types import Dropped, Failure, Kept, Tier

if TYPE_CHECKING:
    from reasonmed.pipeline.team import Team
    from reasonmed.types import Rewrite, Story


async def refine(story: Story, team: Team) -> Story:
    """Rewrite every kept chain; where no rewrite passes, the original stays, flagged, unless it was judged wrong.

    Where the recipe asks for steps, only those that the judge faulted are rewritten; a chain without any stays.
    """
    need_options(story.question, "refine")
    if team.roles["editor"] is None or not story.kept:
        return story
    story = await fetch_reasons(story, team)
    results = await gather(_refined(story, kept, team) for kept in story.kept or ())
    kept, repeats = without_repeats([one for one, _ in results if isinstance(one, Kept)], "refine")
    dropped = (*story.dropped, *(one for one, _ in results if isinstance(one, Dropped)), *repeats)
    failure = None if kept else Failure("unverified", "; ".join(one.reason for one in dropped))
    rewrites = (*story.rewrites, *(rewrite for _, tried in results for rewrite in tried))
    return replace(story, kept=kept, rewrites=rewrites, dropped=dropped, failure=failure)


async def _refined(story: Story, kept: Kept, team: Team) -> tuple[Kept | Dropped, list[Rewrite]]:
    options, editor = team.stages.refine, team.roles["editor"]
    draft = Draft("refine", kept.text, kept.parent, failed_reasons(story, kept.parent))
    steps = kept.verdict.steps if kept.verdict and options and options.steps else ()
    if faulty(steps):
        editor, draft = team.roles["step_editor"], draft._replace(steps=steps)
    elif steps and kept.verified:
        return kept, []
    tried: list[Rewrite] = []
    for number in range(options.rounds if options else 0):
        if editor is None:
            break
        rewrite = await attempt(story, team, editor, draft, number)
        tried.append(rewrite)
        if rewrite.problem is None:
            return take(rewrite, story.question), tried
        draft = with_problem(draft, rewrite)
    if kept.verdict is not None and kept.verdict.outcome == "error":
        problems = "; ".join(f"round {rewrite.round + 1}: {rewrite.problem}" for rewrite in tried)
        return Dropped("refine", f"no rewrite of a wrong chain passed: {problems}", kept.parent), tried
    return replace(kept, flags=(*kept.flags, "not_refined")), tried


async def _alone(story: Story, team: Team) -> Story:
    return await refine(with_candidates(story), team)


SPEC = StageSpec(
    name="refine",
    run=refine,
    options=Refine,
    roles=(
        RoleSpec(name="editor", prompt="refine"),
        RoleSpec(
            name="step_editor",
            prompt=EDIT,
            schema=EDIT_SCHEMA,
            wanted=lambda options: bool(options.steps),
            example=example,
        ),
    ),
    about="Rewrite the kept chains of thought of medium questions with the judge's reasons.",
    verb="rewrote those of medium questions",
    done="refined",
    needs=("verify",),
    priority=40,
    card=("temperature", "top_p", "max_tokens", "rounds", "verify", "steps"),
    writes="chain",
    keyed=True,
    tiers=(Tier.MEDIUM,),
    takes=lambda story: bool(story.kept) or any(chain.missing is None for chain in story.chains),
    alone=_alone,
    made=lambda kept: kept.origin == "refine",
    rows="chain",
    shaped_by=shaping,
)
