"""A second look: the judge labels the steps of chains that are about to be kept, where a recipe wants only those."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages.rank import best_first, keep_chain
from reasonmed.pipeline.stages.route import way_of
from reasonmed.pipeline.stages.verify import judge, with_opinion
from reasonmed.screening.repeats import first_places, folded
from reasonmed.types import Dropped, Failure, Opinion, Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.pipeline.agent import Agent
    from reasonmed.pipeline.team import Team
    from reasonmed.types import ChainOfThought, Kept, Story


async def look_at_steps(story: Story, team: Team) -> Story:
    """Have the steps of the kept chains labelled; the next best chain takes the place of one that does not hold.

    A chain of a medium question goes to the editor as it is, with what was found. The tier stays.
    """
    options, agent = team.stages.verify, team.roles["step_judge"]
    if options is None or options.steps != "kept" or agent is None or not story.kept:
        return story
    edited = way_of(story, team) is Tier.MEDIUM and team.roles["editor"] is not None
    wanted, waiting = len(story.kept), _ranked(story, team)
    looked: list[int] = []
    good: list[int] = []
    while waiting and len(good) < wanted:
        now, waiting = waiting[: wanted - len(good)], waiting[wanted - len(good) :]
        story = await _with_steps(story, now, team, agent)
        looked += now
        good += [index for index in now if edited or _holds(story.chains[index])]
    lost = tuple(
        Dropped("verify", f"its steps do not hold: {_look(story.chains[index]).reason}", index)
        for index in looked
        if index not in good
    )
    failure = None if good else Failure("unverified", "; ".join(one.reason for one in lost))
    kept = tuple(_kept(story, index) for index in good)
    return replace(story, kept=kept, dropped=(*story.dropped, *lost), failure=failure)


def _ranked(story: Story, team: Team) -> list[int]:
    """The correct chains, those that rank has kept first, then the next best ones; of equal texts the first."""
    kept = [one.parent for one in story.kept or () if one.parent is not None]
    correct = [index for index, chain in enumerate(story.chains) if chain.outcome == "correct"]
    distinct = [correct[place] for place in first_places(folded(story.chains[index].text) for index in correct)]
    others = [index for index in distinct if index not in kept]
    return kept + best_first(story, others, team.stages.rank.seed if team.stages.rank else 0)


async def _with_steps(story: Story, places: Sequence[int], team: Team, agent: Agent) -> Story:
    async def looked(index: int) -> ChainOfThought:
        chain = story.chains[index]
        said = await judge(story.question, chain, team, agent=agent)
        opinion = Opinion("steps", said.outcome, said.reason, said.judge, said.sent, said.steps)
        verdict = with_opinion(chain.verdict, opinion, chain.verdict.outcome) if chain.verdict else said
        return replace(chain, verdict=replace(verdict, steps=said.steps))

    found = dict(zip(places, await gather(looked(index) for index in places), strict=True))
    return replace(story, chains=tuple(found.get(index, chain) for index, chain in enumerate(story.chains)))


def _kept(story: Story, index: int) -> Kept:
    """The chain as rank keeps it; where its steps do not hold, with the verdict of the second look."""
    kept, look = keep_chain(story, index), _look(story.chains[index])
    if kept.verdict is None or look.outcome == "correct":
        return kept
    others = tuple(one for one in kept.verdict.opinions if one is not look)
    return replace(kept, verdict=with_opinion(replace(kept.verdict, opinions=others), look, look.outcome))


def _look(chain: ChainOfThought) -> Opinion:
    opinions = chain.verdict.opinions if chain.verdict else ()
    return next(one for one in reversed(opinions) if one.kind == "steps")


def _holds(chain: ChainOfThought) -> bool:
    return _look(chain).outcome == "correct"
