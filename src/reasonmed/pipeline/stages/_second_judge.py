"""Second: another judge's word on the chains of a question that stands next to a boundary between tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages.verify import judge, unread, with_opinion
from reasonmed.types import Opinion

if TYPE_CHECKING:
    from reasonmed.pipeline.agent import Agent
    from reasonmed.pipeline.team import Team
    from reasonmed.types import ChainOfThought, Story

_WEIGHT = ("error", "correct", "undecided")
"""Of two outcomes the first one here stands."""


async def second_opinions(story: Story, team: Team, agent: Agent) -> Story:
    """Judge every chain that has a judge's verdict once more; a chain is right only where nobody calls it an error.

    Where the second judge gives no usable verdict, the first one stands; where the first gave none, the second does.
    """

    async def asked(chain: ChainOfThought) -> ChainOfThought:
        verdict = chain.verdict
        if chain.missing is not None or verdict is None or verdict.prechecked or unread(story.question, chain):
            return chain
        said = await judge(story.question, chain, team, agent=agent)
        opinion = Opinion("second", said.outcome, said.reason, said.judge, said.sent, said.steps)
        outcome = min(verdict.outcome, said.outcome, key=_WEIGHT.index)
        return replace(chain, verdict=with_opinion(verdict, opinion, outcome))

    return replace(story, chains=tuple(await gather(asked(chain) for chain in story.chains)))
