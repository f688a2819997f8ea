"""Generate: every generator model writes one chain of thought a temperature and sample. The key is in no prompt."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages._reply import Wanted, need_options, once_readable, parse_chain
from reasonmed.recipe.options import Generate
from reasonmed.recipe.stages import RoleSpec, StageSpec
from reasonmed.types import ChainOfThought, Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.pipeline.agent import Agent
    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Stages
    from reasonmed.types import Question, Story


async def generate(story: Story, team: Team, chosen: Sequence[int] | None = None) -> Story:
    """Write the chains of thought; one that does not come is *missing*, with the reason.

    One whose ending gives an answer that cannot be read is asked for once more.

    ``chosen`` are the generators of a wave, by their place in the recipe; all of them by default.
    """
    need_options(story.question, "generate")
    generators = team.generators if chosen is None else [team.generators[place] for place in chosen]
    written = await gather(_write(story.question, team, agent, sample) for agent, sample in generators)
    chains = (*story.chains, *written)
    unsampled = 0 if chosen is None else len(team.generators) - len(chains)
    if all(chain.missing for chain in chains) and not unsampled:
        reasons = ", ".join(sorted({chain.missing or "" for chain in chains}))
        failure = Failure("no_chain", f"none of {len(chains)} chains of thought came: {reasons}")
        return replace(story, chains=chains, failure=failure)
    return replace(story, chains=chains, unsampled=unsampled)


async def _write(question: Question, team: Team, agent: Agent, sample: int) -> ChainOfThought:
    parse = partial(parse_chain, question=question, agent=agent, wanted=Wanted.by(team.stages), sample=sample)
    try:
        return await agent.ask(question, {}, once_readable(parse), sample=sample)
    except (UnparsableReply, RequestRejected) as lost:
        return ChainOfThought("", agent.label, None, agent.sampling.temperature, sample, missing=lost.kind)


def _notes(stages: Stages) -> Iterator[str]:
    if stages.generate and stages.generate.stop_when_decided:
        yield (
            "stages.generate.stop_when_decided needs verdicts on the way and works in `reasonmed run` alone: "
            f"all {stages.generate.chains} chains of thought of a question are written"
        )


SPEC = StageSpec(
    name="generate",
    run=generate,
    options=Generate,
    roles=(RoleSpec(name="generator", prompt="generate", option="models"),),
    about="Write the chains of thought of every question: one per model, temperature and sample.",
    verb="wrote chains of thought",
    done="generated",
    makes="cots",
    priority=0,
    card=("temperatures", "samples", "top_p", "max_tokens", "cot", "keep_truncated", "stop_when_decided"),
    writes="chain",
    notes=_notes,
)
