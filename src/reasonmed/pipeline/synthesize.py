"""One question through all stages. The only place that knows their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.pipeline.stages._consensus import consensus
from reasonmed.pipeline.stages._early_stopping import sample_until_decided
from reasonmed.pipeline.stages.generate import generate
from reasonmed.pipeline.stages.optimize import optimize
from reasonmed.pipeline.stages.rank import rank
from reasonmed.pipeline.stages.refine import refine
from reasonmed.pipeline.stages.route import route
from reasonmed.pipeline.stages.summarize import summarize
from reasonmed.pipeline.stages.verify import verify
from reasonmed.types import Story, Tier

if TYPE_CHECKING:
    from reasonmed.pipeline.team import Team


async def synthesize(story: Story, team: Team) -> Story:
    """The whole story of a question; it ends with kept chains and responses, or with a failure.

    Chains of thought that it comes with are taken as generated, and no more are written; what else was said of it is
    forgotten. One that comes with a failure stays as it is.
    """
    if story.failure:
        return story
    question, chains, options = story.question, story.chains, team.stages.generate
    in_waves = options is not None and options.stop_when_decided and question.answer is not None and not chains
    story = Story(question, chains)
    judged = (consensus, verify, route)
    for stage in (sample_until_decided, route) if in_waves else judged if chains else (generate, *judged):
        story = await stage(story, team)
        if story.failure:
            return story
    match story.tier:
        case Tier.EASY:
            story = await rank(story, team)
        case Tier.MEDIUM:
            story = await refine(await rank(story, team), team)
        case _:
            story = await optimize(story, team)
    return story if story.failure else await summarize(story, team)
