"""One question through all stages. The only place that knows their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.pipeline.stages._consensus import consensus
from reasonmed.pipeline.stages._early_stopping import sample_until_decided
from reasonmed.pipeline.stages._kept_steps import look_at_steps
from reasonmed.pipeline.stages._outside import from_outside
from reasonmed.pipeline.stages.generate import generate
from reasonmed.pipeline.stages.optimize import optimize
from reasonmed.pipeline.stages.rank import rank
from reasonmed.pipeline.stages.refine import refine
from reasonmed.pipeline.stages.route import route, way_of
from reasonmed.pipeline.stages.summarize import summarize
from reasonmed.pipeline.stages.verify import verify
from reasonmed.types import Story, Tier

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from reasonmed.pipeline.team import Team

    Stage = Callable[[Story, Team], Awaitable[Story]]

_BEHIND: dict[Any, tuple[str, ...]] = {sample_until_decided: ("generate", "verify")}
"""Functions that are more than the one stage of their name."""


async def synthesize(story: Story, team: Team) -> Story:
    """The whole story of a question; it ends with kept chains and responses, or with a failure.

    Chains of thought that it comes with are taken as generated, and no more are written; what else was said of it is
    forgotten. One that comes with a failure stays as it is.
    """
    if story.failure:
        return story
    question, chains, options = story.question, story.chains, team.stages.generate
    in_waves = options is not None and options.stop_when_decided and question.answer is not None and not chains
    judged = (consensus, verify, route)
    first = (sample_until_decided, route) if in_waves else judged if chains else (generate, *judged)
    story = await _through(first, Story(question, chains), team)
    if story.failure:
        return story
    match way_of(story, team):
        case Tier.EASY:
            story = await _through((rank, look_at_steps), story, team)
        case Tier.MEDIUM:
            story = await _through((rank, look_at_steps, refine), story, team)
        case _:
            story = await _through((optimize,), story, team)
    return story if story.failure else await _through((summarize,), story, team)


async def _through(way: Sequence[Stage], story: Story, team: Team) -> Story:
    """A story behind these stages, and behind those of other packages that stand after each; up to a failure."""
    for stage in way:
        story = await stage(story, team)
        behind = _BEHIND.get(stage, (stage.__name__,))
        for spec in team.further:
            if spec.after in behind and not story.failure:
                story = await from_outside(spec, story, team)
        if story.failure:
            break
    return story
