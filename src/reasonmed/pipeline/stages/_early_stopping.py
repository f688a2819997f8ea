"""Waves: chains of thought are written and judged a few at a time, until the rest cannot change the tier.

The order of the chains is drawn for each question, so that no model is always last; the decision looks at whole waves
and never at the order of arrival.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.pipeline.stages.generate import generate
from reasonmed.pipeline.stages.rank import draw
from reasonmed.pipeline.stages.route import decided_tier
from reasonmed.pipeline.stages.verify import verify
from reasonmed.recipe.checks import thresholds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.pipeline.team import Team
    from reasonmed.types import Question, Story


async def sample_until_decided(story: Story, team: Team) -> Story:
    """Write and judge chains wave by wave; in the end they stand in the recipe's order."""
    places: list[int] = []
    for wave in waves(story.question, team):
        story = await verify(await generate(story, team, wave), team)
        places += wave
        if story.failure or decided_tier(story, team) is not None:
            break
    ordered = sorted(zip(places, story.chains, strict=True), key=lambda one: one[0])
    return replace(story, chains=tuple(chain for _, chain in ordered))


def waves(question: Question, team: Team) -> Iterator[list[int]]:
    """Places of generators: first as many as may decide an easy question, then a few at a time."""
    options = team.stages.generate
    seed, size = (options.seed, options.wave) if options else (0, 1)
    order = sorted(range(len(team.generators)), key=lambda place: draw(seed, question, place))
    easy, _ = thresholds(team.stages, len(order))
    first = len(order) - easy
    yield order[:first]
    for start in range(first, len(order), size):
        yield order[start : start + size]
