"""Verify: a judge reads question, key and one chain of thought and says Correct or Error, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.agents import gather
from reasonmed.errors import RequestRejected, UnparsableReply, VerdictConflict
from reasonmed.parsing.contradiction import names_only_others
from reasonmed.parsing.judgment import parse_verdict
from reasonmed.types import Verdict, letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from reasonmed.agents import Agent
    from reasonmed.team import Team
    from reasonmed.types import ChainOfThought, Completion, Question, Story


async def verify(story: Story, team: Team) -> Story:
    """Give every chain of thought that is there a verdict."""

    async def judged(chain: ChainOfThought) -> ChainOfThought:
        if chain.missing is not None or chain.verdict is not None:
            return chain
        if _precheck(team) and contradicts_key(story.question, chain):
            return replace(chain, verdict=Verdict("error", prechecked=True))
        return replace(chain, verdict=await judge(story.question, chain, team))

    return replace(story, chains=tuple(await gather(judged(chain) for chain in story.chains)))


async def fetch_reasons(story: Story, team: Team) -> Story:
    """The judge's reasons against chains that were errors without a request; none is made up where none comes."""

    async def reasoned(chain: ChainOfThought) -> ChainOfThought:
        if chain.verdict is None or not chain.verdict.prechecked or chain.verdict.judge:
            return chain
        said = await judge(story.question, chain, team)
        reason = said.reason if said.outcome == "error" else ""
        return replace(chain, verdict=replace(chain.verdict, judge=said.judge, reason=reason))

    return replace(story, chains=tuple(await gather(reasoned(chain) for chain in story.chains)))


def _precheck(team: Team) -> bool:
    return team.stages.verify is not None and team.stages.verify.precheck


async def judge(question: Question, chain: ChainOfThought, team: Team, *, sample: int = 0) -> Verdict:
    """The judge's verdict on one chain of thought; *undecided* when no usable one comes, never Error."""
    agent = team.judge
    if agent is None:
        raise ValueError("the recipe has no verify stage")
    believed = team.stages.verify is not None and team.stages.verify.conflicts == "keep"

    def parse(completion: Completion) -> Verdict:
        outcome, reason = parse_verdict(completion.text)
        conflict = outcome == "correct" and contradicts_key(question, chain)
        if conflict and not believed:
            raise VerdictConflict(_conflict(question, chain))
        return Verdict(outcome, reason, agent.label, conflict)

    values = {"key": question.key_text, "chain_of_thought": chain.text}
    return await ask_verdict(agent, question, values, parse, sample)


async def ask_verdict(
    agent: Agent,
    question: Question,
    values: Mapping[str, object],
    parse: Callable[[Completion], Verdict],
    sample: int = 0,
) -> Verdict:
    """A verdict, or *undecided* with the reason that none came."""
    try:
        return await agent.ask(question, values, parse, sample=sample)
    except VerdictConflict as conflict:
        return Verdict("undecided", conflict.problem, agent.label, conflict=True)
    except UnparsableReply as problem:
        return Verdict("undecided", f"no usable verdict: {problem.problem}", agent.label)
    except RequestRejected as rejected:
        return Verdict("undecided", f"the judge's endpoint refused the request: {rejected.kind}", agent.label)


def contradicts_key(question: Question, chain: ChainOfThought) -> bool:
    """Whether a chain concludes another option than the key, or names others and not the key where it concludes."""
    if question.answer is None or chain.answer == question.answer:
        return False
    return chain.answer is not None or names_only_others(chain.text, question.options, question.answer)


def _conflict(question: Question, chain: ChainOfThought) -> str:
    said = letter(chain.answer) if chain.answer is not None else "another option"
    return f'the verdict is "Correct", but the chain of thought concludes {said} and the key is {question.key_text}'
