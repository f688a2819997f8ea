"""Route: the number of wrong chains of thought decides the difficulty tier (paper: 0-4, 5-7 and 8-9 of 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages._reply import need_options
from reasonmed.pipeline.stages._second_judge import second_opinions
from reasonmed.pipeline.stages._votes import count_votes, in_words
from reasonmed.pipeline.stages.verify import verdict_on
from reasonmed.recipe.checks import thresholds, votes_needed
from reasonmed.recipe.options import Route
from reasonmed.recipe.stages import StageSpec
from reasonmed.types import Failure, Tier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Stages
    from reasonmed.types import ChainOfThought, Story

_PAPER_DISPUTE = 6
_MODELS = 2


async def route(story: Story, team: Team) -> Story:
    """Set the tier. Chains without a verdict count neither way: where they leave it open, they are judged once more."""
    need_options(story.question, "route")
    story = _dispute(story, team)
    if story.failure:
        return story
    second = team.roles["second_step_judge"] or team.roles["second_judge"]
    if second is not None and _is_borderline(story, team):
        story = await second_opinions(story, team, second)
    tier = decided_tier(story, team)
    if tier is None and team.roles["judge"] is not None:
        story = await _judge_again(story, team)
        tier = decided_tier(story, team)
    if tier is None:
        counts = count_outcomes(story.chains)
        words = ", ".join(f"{number} {outcome}" for outcome, number in counts.items() if number)
        return replace(story, failure=Failure("undecided", f"the tier stays open: {words}"))
    return replace(story, tier=tier)


def way_of(story: Story, team: Team) -> Tier | None:
    """The tier whose way a question goes: its own, unless the recipe sends all questions one way."""
    one_way = {"all_difficult": Tier.DIFFICULT, "all_easy": Tier.EASY}
    return one_way.get(team.stages.route.way, story.tier)


def count_outcomes(chains: tuple[ChainOfThought, ...]) -> dict[str, int]:
    """Chains of thought by outcome."""
    outcomes = [chain.outcome for chain in chains]
    return {name: outcomes.count(name) for name in ("correct", "error", "undecided", "missing", "unjudged")}


def decided_tier(story: Story, team: Team) -> Tier | None:
    """The tier that every possible outcome of the open chains leads to; None where they lead to several."""
    tiers = _possible_tiers(story, team)
    return tiers.pop() if len(tiers) == 1 else None


def _is_borderline(story: Story, team: Team) -> bool:
    """Whether one verdict more or less would change the tier."""
    return len(_possible_tiers(story, team, margin=1)) > 1


def _possible_tiers(story: Story, team: Team, margin: int = 0) -> set[Tier]:
    counts = count_outcomes(story.chains)
    total = len(story.chains) + story.unsampled
    easy, medium = thresholds(team.stages, total)
    fewest, most = counts["error"], total - counts["correct"]
    return {_tier_of(number, easy, medium) for number in (fewest - margin, most + margin)}


def _tier_of(wrong: int, easy: int, medium: int) -> Tier:
    if wrong <= easy:
        return Tier.EASY
    return Tier.MEDIUM if wrong <= medium else Tier.DIFFICULT


async def _judge_again(story: Story, team: Team) -> Story:
    async def settled(chain: ChainOfThought) -> ChainOfThought:
        if chain.outcome != "undecided":
            return chain
        return replace(chain, verdict=await verdict_on(story.question, chain, team, sample=1))

    return replace(story, chains=tuple(await gather(settled(chain) for chain in story.chains)))


def _dispute(story: Story, team: Team) -> Story:
    """Mark a key that most chains, of several models, contradict with one voice: a failure, or a flag."""
    options = team.stages.route
    needed = votes_needed(options.dispute or None, _PAPER_DISPUTE, len(story.chains) + story.unsampled)
    votes = count_votes(story.chains)
    leader = votes[0] if votes else None
    against = leader is not None and leader.option != story.question.answer
    if leader is None or not against or leader.chains < needed or len(leader.models) < _MODELS:
        return story
    if options.dispute is False:
        return replace(story, flags=(*story.flags, "key_disputed"))
    return replace(story, failure=Failure("key_disputed", f"votes: {in_words(votes, story.question)}"))


def _notes(stages: Stages) -> Iterator[str]:
    if stages.route.consensus is not None:
        yield "stages.route.consensus is what `reasonmed verify` goes by; the tier does not depend on it"
    if stages.route.way != "by_errors":
        yield f"stages.route.way: {stages.route.way} is what `reasonmed run` goes by; the tier does not depend on it"


SPEC = StageSpec(
    name="route",
    run=route,
    options=Route,
    about="Set the difficulty tier of every question by its wrong chains of thought.",
    done="routed",
    needs=("verify",),
    priority=25,
    card=("way", "easy", "medium", "dispute", "consensus"),
    keyed=True,
    takes=lambda story: bool(story.chains),
    shaped_by=lambda stages: {"keep": stages.rank.keep if stages.rank else None},
    notes=_notes,
)
