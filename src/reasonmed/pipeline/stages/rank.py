"""Rank: a score for each correct chain of thought, of a judge or of its steps; the best are kept, equal texts once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.parsing.judgment import score_schema
from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages._reply import language_flags, need_options, read_score
from reasonmed.pipeline.stages._step_scores import PROMPT, step_scored
from reasonmed.recipe.options import Rank
from reasonmed.recipe.stages import RoleSpec, StageSpec
from reasonmed.screening.repeats import first_places, folded
from reasonmed.types import ChainOfThought, Failure, Kept, Tier, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.pipeline.team import Team
    from reasonmed.types import Question, Story

_BOUNDS = (0, 5)


async def rank(story: Story, team: Team) -> Story:
    """Keep the best correct chains, of equal texts the first; no more than wanted are kept without a request."""
    need_options(story.question, "rank")
    options = team.stages.rank
    keep, seed = (options.keep, options.seed) if options else (2, 0)
    correct = [index for index, chain in enumerate(story.chains) if chain.outcome == "correct"]
    if not correct:
        return replace(story, kept=(), failure=Failure("unverified", "no chain of thought is judged correct"))
    right = [correct[place] for place in first_places(folded(story.chains[index].text) for index in correct)]
    if len(right) > keep:
        better = await _scores(story, right, team, keep)
        story = replace(story, chains=tuple(better.get(index, chain) for index, chain in enumerate(story.chains)))
        right = best_first(story, right, seed)
    return replace(story, kept=tuple(keep_chain(story, index) for index in right[:keep]))


async def _scores(story: Story, right: Sequence[int], team: Team, keep: int) -> dict[int, ChainOfThought]:
    """The chains with their scores: all of them or, where the recipe says so, until no other one can be kept.

    In the order that breaks ties none behind ``keep`` chains with the highest score can come before them.
    """
    options = team.stages.rank
    stops = options is not None and options.stop_when_decided
    order = sorted(right, key=lambda index: draw(options.seed, story.question, index)) if stops and options else right
    size = keep if stops else len(order)
    better: dict[int, ChainOfThought] = {}
    for start in range(0, len(order), size):
        wave = order[start : start + size]
        scored = await gather(_scored(story.question, story.chains[index], team) for index in wave)
        better |= zip(wave, scored, strict=True)
        if sum(chain.score == _BOUNDS[1] for chain in better.values()) >= keep:
            break
    return better


def best_first(story: Story, chains: Iterable[int], seed: int) -> list[int]:
    """Indices of generated chains, those with the highest scores first."""
    return sorted(chains, key=lambda index: (-_points(story.chains[index]), draw(seed, story.question, index)))


def keep_chain(story: Story, index: int) -> Kept:
    """A generated chain of thought on its way into the data set."""
    chain = story.chains[index]
    conflict = chain.verdict is not None and chain.verdict.conflict
    flags = [*(["truncated"] if chain.truncated else []), *(["conflict"] if conflict else [])]
    flags += language_flags(chain.text, story.question)
    return Kept(text=chain.text, model=chain.model, parent=index, verdict=chain.verdict, flags=tuple(flags))


def draw(seed: int, question: Question, index: int) -> str:
    """The order of equals: drawn from a hash, so that no model and no position is favored."""
    return digest((seed, question.id, index))


def _points(chain: ChainOfThought) -> float:
    given = chain.score if chain.step_score is None else chain.step_score
    return -1 if given is None else given


async def _scored(question: Question, chain: ChainOfThought, team: Team) -> ChainOfThought:
    """The chain with its score; without one where none comes: that is no judgment, so it goes last, not to 0."""
    ranker, scorer = team.roles["ranker"], team.roles["step_scorer"]
    if scorer is not None:
        return await step_scored(question, chain, scorer)
    if ranker is None:
        return chain
    values = {"key": question.key_text, "chain_of_thought": chain.text}
    try:
        score, why, sent = await ranker.ask(question, values, lambda reply: read_score(reply, ranker, _BOUNDS))
    except (UnparsableReply, RequestRejected) as lost:
        return replace(chain, justification=f"no score: {lost.kind}")
    return replace(chain, score=score, justification=why, rank_sent=sent)


SPEC = StageSpec(
    name="rank",
    run=rank,
    options=Rank,
    roles=(
        RoleSpec(name="ranker", prompt="rank", schema=score_schema(*_BOUNDS)),
        RoleSpec(name="step_scorer", prompt=PROMPT, option="scorer"),
    ),
    about="Score the correct chains of thought from 0 to 5, or by their steps, and keep the best.",
    verb="ranked the correct ones",
    done="ranked",
    priority=30,
    card=("temperature", "top_p", "max_tokens", "keep", "stop_when_decided"),
    keyed=True,
    tiers=(Tier.EASY, Tier.MEDIUM),
    takes=lambda story: any(chain.outcome == "correct" for chain in story.chains),
)
