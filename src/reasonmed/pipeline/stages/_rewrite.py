"""What refine and optimize share: one attempt at a better chain of thought, and what it must pass."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.pipeline.stages._reply import Wanted, language_flags, parse_chain, unread_problem
from reasonmed.pipeline.stages._step_edit import faulty, marked, spliced
from reasonmed.pipeline.stages._steps import counted
from reasonmed.pipeline.stages.rank import draw, keep_chain
from reasonmed.pipeline.stages.verify import contradicts_key, verdict_on
from reasonmed.recipe.options import Generate
from reasonmed.screening.leak import find_leak
from reasonmed.screening.repeats import first_places, folded
from reasonmed.types import ChainOfThought, Dropped, Kept, Rewrite, Story, letter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.exchange import Completion
    from reasonmed.pipeline.agent import Agent
    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Stages
    from reasonmed.types import Question, Step


class Draft(NamedTuple):
    """What a writer starts from: a text, the index of the generated chain that it is, and the reasons at hand.

    With ``steps`` only those that are not ok are written anew, and the others stay as they are.
    """

    stage: Literal["refine", "optimize"]
    text: str
    parent: int | None
    reasons: tuple[str, ...]
    steps: tuple[Step, ...] = ()


def failed_reasons(story: Story, without: int | None) -> tuple[str, ...]:
    """The judge's reasons against the failed chains, in their order, each once; ``without`` leaves one chain out.

    Behind the reason of a chain stand the notes on its faulty steps.
    """
    failed = [
        chain.verdict
        for index, chain in enumerate(story.chains)
        if chain.outcome == "error" and chain.verdict and index != without
    ]
    said = (reason for verdict in failed for reason in (verdict.reason, *(step.note for step in verdict.steps)))
    return tuple(dict.fromkeys(filter(None, said)))


def best_wrong(story: Story) -> int | None:
    """The index of the best chain that is not correct: one with the right answer first, then drawn."""
    there = [index for index, chain in enumerate(story.chains) if chain.outcome not in ("missing", "correct")]

    def standing(index: int) -> tuple[bool, str]:
        return story.chains[index].answer != story.question.answer, draw(0, story.question, index)

    return min(there, key=standing, default=None)


def with_candidates(story: Story) -> Story:
    """The story; where nothing is kept yet, with all correct chains as candidates, else the best wrong one."""
    if story.kept:
        return story
    right = [index for index, chain in enumerate(story.chains) if chain.outcome == "correct"]
    best = best_wrong(story)
    chosen = right or ([best] if best is not None else [])
    return replace(story, kept=tuple(keep_chain(story, index) for index in chosen))


def shaping(stages: Stages) -> dict[str, object]:
    """The options of generate that decide whether a rewrite is taken."""
    generate = stages.generate or Generate(models=("",))
    return {"keep_truncated": generate.keep_truncated, "min_words": generate.min_words}


async def attempt(story: Story, team: Team, agent: Agent, draft: Draft, number: int) -> Rewrite:
    """Write once and check: the answer is the key, nothing leaks, and, where the recipe says so, the judge agrees."""
    verified = bool(getattr(team.stages, draft.stage).verify)
    agent = counted(agent, len(faulty(draft.steps)))
    wanted = Wanted.by(team.stages)._replace(what="visible")
    read = partial(parse_chain, question=story.question, agent=agent, wanted=wanted, sample=number)
    values = {"key": story.question.key_text, "chain_of_thought": draft.text, "reasons": draft.reasons}

    def parse(completion: Completion) -> ChainOfThought:
        return read(spliced(completion, draft.text, draft.steps, agent.refusals) if draft.steps else completion)

    try:
        chain = await agent.ask(story.question, {**values, **marked(draft.text, draft.steps)}, parse, sample=number)
    except (UnparsableReply, RequestRejected) as lost:
        chain = ChainOfThought("", agent.label, None, agent.sampling.temperature, number, missing=lost.kind)
        return Rewrite(draft.stage, number, draft.parent, chain, f"no rewrite came: {lost.kind}")
    problem = _problem(story.question, chain, verified=verified)
    if problem is None and verified:
        verdict = await verdict_on(story.question, chain, team, agent=team.roles["step_judge"])
        chain = replace(chain, verdict=verdict)
        problem = _not_accepted(chain)
    return Rewrite(draft.stage, number, draft.parent, chain, problem)


def _problem(question: Question, chain: ChainOfThought, *, verified: bool) -> str | None:
    leak = find_leak(chain.text)
    if leak:
        return f'it gives away what the writer was shown: "{leak}"'
    if chain.answer is None and contradicts_key(question, chain):
        return "it names another option"
    if chain.unread:
        return unread_problem(chain.unread)
    if chain.answer is None:
        return "it names no answer" if verified else None
    if chain.answer != question.answer:
        return f"it concludes {letter(chain.answer)}"
    return None


def _not_accepted(chain: ChainOfThought) -> str | None:
    verdict = chain.verdict
    if verdict is None or verdict.outcome == "correct":
        return None
    return f"the judge says {verdict.outcome}: {verdict.reason}"


def take(rewrite: Rewrite, question: Question) -> Kept:
    """An accepted rewrite on its way into the data set."""
    chain = rewrite.chain
    flags = [*(["truncated"] if chain.truncated else []), *([] if chain.verdict else ["unverified"])]
    flags += language_flags(chain.text, question)
    return Kept(
        text=chain.text,
        model=chain.model,
        parent=rewrite.parent,
        origin=rewrite.stage,
        verdict=chain.verdict,
        flags=tuple(flags),
    )


def without_repeats(
    kept: Sequence[Kept], stage: Literal["refine", "optimize"]
) -> tuple[tuple[Kept, ...], tuple[Dropped, ...]]:
    """Of kept chains with equal texts the first; the others are dropped."""
    first = set(first_places(folded(one.text) for one in kept))
    repeats = [one for place, one in enumerate(kept) if place not in first]
    dropped = tuple(Dropped(stage, "its text is that of another kept chain", one.parent) for one in repeats)
    return tuple(one for place, one in enumerate(kept) if place in first), dropped


def with_problem(draft: Draft, rewrite: Rewrite) -> Draft:
    """The draft for the next round, with what was wrong with this one."""
    return draft._replace(reasons=(*draft.reasons, *reasons_of(rewrite)))


def reasons_of(rewrite: Rewrite) -> Sequence[str]:
    """What a next attempt can learn from a rejected one."""
    verdict = rewrite.chain.verdict
    if verdict is not None and verdict.outcome == "error" and verdict.reason:
        return [verdict.reason]
    return [rewrite.problem] if rewrite.problem and not rewrite.chain.missing else []
