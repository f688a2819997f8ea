"""Verify: a judge reads question, key and one chain of thought and says Correct or Error, with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec.structs import replace

from reasonmed.errors import VerdictConflict
from reasonmed.parsing.contradiction import names_only_others
from reasonmed.parsing.judgment import VERDICT_SCHEMA
from reasonmed.parsing.order import in_another_order
from reasonmed.parsing.step_labels import STEPS_SCHEMA
from reasonmed.parsing.steps import split_steps
from reasonmed.pipeline.agent import both, gather
from reasonmed.pipeline.stages._blind import read, reading
from reasonmed.pipeline.stages._canaries import plant
from reasonmed.pipeline.stages._consensus import consensus
from reasonmed.pipeline.stages._reply import ask_verdict, need_options, read_verdict, unread_problem, unread_words
from reasonmed.pipeline.stages._steps import STEPS, counted, every_step_judge, example, read_steps, shown
from reasonmed.recipe.options import Verify
from reasonmed.recipe.stages import RoleSpec, StageSpec
from reasonmed.types import ChainOfThought, Opinion, Verdict, letter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.exchange import Completion
    from reasonmed.pipeline.agent import Agent
    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Stages
    from reasonmed.types import Probe, Question, Step, Story

Outcome = Literal["correct", "error", "undecided"]


async def verify(story: Story, team: Team) -> Story:
    """Give every chain of thought that is there a verdict."""
    need_options(story.question, "verify")

    async def judged(chain: ChainOfThought) -> ChainOfThought:
        if chain.missing is not None or chain.verdict is not None:
            return chain
        if _precheck(team) and contradicts_key(story.question, chain):
            return replace(chain, verdict=Verdict("error", prechecked=True))
        return replace(chain, verdict=await verdict_on(story.question, chain, team))

    async def tried(canary: Probe) -> Probe:
        chain = ChainOfThought(canary.text, canary.model, canary.answer)
        return replace(canary, verdict=await verdict_on(story.question, chain, team))

    canaries = plant(story, team.stages.verify) if team.stages.verify else []
    chains, probes = await both(
        gather(judged(chain) for chain in story.chains), gather(tried(canary) for canary in canaries)
    )
    return replace(story, chains=tuple(chains), probes=(*story.probes, *probes))


async def fetch_reasons(story: Story, team: Team) -> Story:
    """The judge's reasons against chains that were errors without a request; none is made up where none comes."""

    async def reasoned(chain: ChainOfThought) -> ChainOfThought:
        if chain.verdict is None or not chain.verdict.prechecked or chain.verdict.judge:
            return chain
        said = await judge(story.question, chain, team)
        reason = said.reason if said.outcome == "error" else ""
        found = replace(chain.verdict, judge=said.judge, reason=reason, sent=said.sent, steps=said.steps)
        return replace(chain, verdict=found)

    return replace(story, chains=tuple(await gather(reasoned(chain) for chain in story.chains)))


def _precheck(team: Team) -> bool:
    return team.stages.verify is not None and team.stages.verify.precheck


async def verdict_on(
    question: Question, chain: ChainOfThought, team: Team, *, sample: int = 0, agent: Agent | None = None
) -> Verdict:
    """The judge's verdict, which must hold before a blind reader and in another order, where the recipe asks for that.

    A reader who reaches another option makes it an error; a judge who says otherwise in another order, undecided. A
    chain whose ending gives an answer that cannot be read is undecided without a request. ``agent`` is as in ``judge``.
    """
    words = unread(question, chain)
    if words:
        return Verdict("undecided", unread_problem(words))
    verdict = await judge(question, chain, team, sample=sample, agent=agent)
    for check in (_blind, _shuffled):
        if verdict.outcome == "correct":
            verdict = await check(question, chain, verdict, team, sample)
    return verdict


async def _blind(question: Question, chain: ChainOfThought, verdict: Verdict, team: Team, sample: int) -> Verdict:
    reader = team.roles["verify_reader"]
    if reader is None:
        return verdict
    found = await read(question, chain.text, reader, sample)
    outcome: Outcome = "correct" if found.problem is None else "undecided" if found.lost else "error"
    return with_opinion(verdict, Opinion("blind", outcome, found.problem or "", reader.label), outcome)


async def _shuffled(question: Question, chain: ChainOfThought, verdict: Verdict, team: Team, sample: int) -> Verdict:
    turned = in_another_order(question, chain) if team.stages.verify and team.stages.verify.shuffle else None
    if turned is None:
        return verdict
    again = await judge(*turned, team, sample=sample)
    said = Opinion("shuffled", again.outcome, again.reason, again.judge, again.sent)
    return with_opinion(verdict, said, "correct" if again.outcome == "correct" else "undecided")


def with_opinion(verdict: Verdict, said: Opinion, outcome: Outcome) -> Verdict:
    """The verdict with an opinion; where the opinion changes it, its reason stands and the judge's word is kept."""
    if outcome == verdict.outcome:
        return replace(verdict, opinions=(*verdict.opinions, said))
    own = Opinion("judge", verdict.outcome, verdict.reason, verdict.judge, verdict.sent)
    return replace(verdict, outcome=outcome, reason=said.reason, opinions=(own, *verdict.opinions, said))


async def judge(
    question: Question, chain: ChainOfThought, team: Team, *, sample: int = 0, agent: Agent | None = None
) -> Verdict:
    """The judge's verdict on one chain of thought; *undecided* when no usable one comes, never Error.

    ``agent`` is another judge than the team's first. One that is shown numbered steps labels them too.
    """
    agent = agent or every_step_judge(team) or team.roles["judge"]
    if agent is None:
        raise ValueError("the recipe has no verify stage")
    believed = team.stages.verify is not None and team.stages.verify.conflicts == "keep"
    return await judge_by(agent, question, chain, believed=believed, sample=sample)


async def judge_by(
    agent: Agent, question: Question, chain: ChainOfThought, *, believed: bool, sample: int = 0
) -> Verdict:
    """One judge's verdict; ``believed`` is whether a Correct stands that cannot be, only marked as a conflict."""
    spans = split_steps(chain.text) if agent.stage == STEPS else ()
    agent = counted(agent, len(spans))

    def parse(completion: Completion) -> Verdict:
        outcome, reason = read_verdict(completion, agent)
        steps = read_steps(completion, spans)
        conflict = _conflict(question, chain, steps) if outcome == "correct" else None
        if conflict and not believed:
            raise VerdictConflict(conflict)
        return Verdict(outcome, reason, agent.label, conflict is not None, sent=completion.sent, steps=steps)

    values = {"key": question.key_text, "chain_of_thought": chain.text, **shown(chain.text, spans)}
    return await ask_verdict(agent, question, values, parse, sample)


def unread(question: Question, chain: ChainOfThought) -> str:
    """The words of a chain's ending that give an answer which cannot be read as one option; empty where none do."""
    return "" if chain.answer is not None else chain.unread or unread_words(chain.text, question)


def contradicts_key(question: Question, chain: ChainOfThought) -> bool:
    """Whether a chain concludes another option than the key, or names others and not the key where it concludes."""
    if question.answer is None or chain.answer == question.answer:
        return False
    return chain.answer is not None or names_only_others(chain.text, question.options, question.answer)


def _conflict(question: Question, chain: ChainOfThought, steps: Sequence[Step]) -> str | None:
    """Why a verdict "Correct" cannot be; None where it can."""
    severe = next((place for place, step in enumerate(steps, 1) if step.severity == "severe"), None)
    if severe is not None:
        return f'the verdict is "Correct", but step {severe} is labelled a severe {steps[severe - 1].type}'
    if not contradicts_key(question, chain):
        return None
    said = letter(chain.answer) if chain.answer is not None else "another option"
    return f'the verdict is "Correct", but the chain of thought concludes {said} and the key is {question.key_text}'


async def _alone(story: Story, team: Team) -> Story:
    story = await consensus(story, team)
    return story if story.failure else await verify(story, team)


def _notes(stages: Stages) -> Iterator[str]:
    if stages.verify and stages.verify.steps == "kept":
        yield "stages.verify.steps: kept is for `reasonmed run`, which knows the chains that are about to be kept"
    if stages.verify and stages.verify.second_judge:
        yield "stages.verify.second_judge is asked by `reasonmed route`, where one verdict would change the tier"


SPEC = StageSpec(
    name="verify",
    run=verify,
    options=Verify,
    roles=(
        RoleSpec(name="judge", prompt="verify", schema=VERDICT_SCHEMA),
        RoleSpec(name="keyless_judge", prompt="consensus", schema=VERDICT_SCHEMA, priority=10),
        RoleSpec(
            name="step_judge",
            prompt=STEPS,
            schema=STEPS_SCHEMA,
            wanted=lambda options: bool(options.steps),
            example=example,
        ),
        RoleSpec(
            name="verify_reader",
            prompt="blind",
            option="blind_model",
            title="blind reader",
            verb="answered difficult questions from the reasoning alone",
            sampling=reading,
            priority=60,
        ),
        RoleSpec(
            name="second_judge", prompt="verify", option="second_judge", title="second judge", schema=VERDICT_SCHEMA
        ),
        RoleSpec(
            name="second_step_judge",
            prompt=STEPS,
            option="second_judge",
            schema=STEPS_SCHEMA,
            wanted=lambda options: options.steps is True,
        ),
    ),
    about="Judge every chain of thought: Correct, Error or undecided, with the reason.",
    verb="judged them",
    done="verified",
    priority=20,
    card=("temperature", "top_p", "max_tokens", "conflicts", "precheck", "shuffle", "steps", "canaries"),
    takes=lambda story: bool(story.chains),
    alone=_alone,
    shaped_by=lambda stages: {"consensus": stages.route.consensus},
    notes=_notes,
)
