"""Consensus: for a question without a key, the option that most chains and a judge without a key agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages._reply import ask_verdict, need_options, read_verdict
from reasonmed.pipeline.stages._votes import count_votes, in_words, voices
from reasonmed.recipe.checks import votes_needed
from reasonmed.types import Failure, Verdict

if TYPE_CHECKING:
    from reasonmed.exchange import Completion
    from reasonmed.pipeline.team import Team
    from reasonmed.types import ChainOfThought, Question, Story

_PAPER_VOTES = 7
_MODELS = 2


async def consensus(story: Story, team: Team) -> Story:
    """Give a question without a key the agreed option as its key, or end it as ``no_consensus``."""
    question = story.question
    need_options(question, "consensus")
    if question.answer is not None:
        return story
    chains = voices(story.chains)
    votes = count_votes(chains)
    needed = votes_needed(team.stages.route.consensus, _PAPER_VOTES, len(chains))
    leader = votes[0] if votes else None
    if leader is None or leader.chains < needed or len(leader.models) < _MODELS:
        copies = len(story.chains) - len(chains)
        told = f"; {copies} of {len(story.chains)} chains repeat another of their model" if copies else ""
        detail = f"no option holds {needed} chains of thought of {_MODELS} models: {in_words(votes, question)}{told}"
        return replace(story, failure=Failure("no_consensus", detail))
    held = [chain for chain in chains if chain.answer == leader.option]
    verdicts = await gather(_judge_without_key(question, chain, team) for chain in held)
    accepted = sum(verdict.outcome == "correct" for verdict in verdicts)
    if 2 * accepted <= len(held):
        detail = f"the judge, without a key, accepts {accepted} of {len(held)} chains of thought for the same option"
        return replace(story, failure=Failure("no_consensus", detail))
    return replace(story, question=replace(question, answer=leader.option, answer_source="consensus"))


async def _judge_without_key(question: Question, chain: ChainOfThought, team: Team) -> Verdict:
    agent = team.roles["keyless_judge"]
    if agent is None:
        raise ValueError("the recipe has no verify stage")

    def parse(completion: Completion) -> Verdict:
        outcome, reason = read_verdict(completion, agent)
        return Verdict(outcome, reason, agent.label)

    return await ask_verdict(agent, question, {"chain_of_thought": chain.text}, parse)
