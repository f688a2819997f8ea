"""Score: 1 to 10 for a finished chain of thought and its response, by a judge who sees the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.parsing.judgment import score_schema
from reasonmed.pipeline.agent import gather
from reasonmed.pipeline.stages._reply import known_key, read_score
from reasonmed.recipe.options import Score
from reasonmed.recipe.stages import RoleSpec, StageSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.options import Stages
    from reasonmed.types import Kept, Question, Story

_BOUNDS = (1, 10)


async def score(story: Story, team: Team) -> Story:
    """Score every kept chain of the story; one whose score does not come stays without, never at 0."""
    if not story.kept:
        return story
    return replace(story, kept=tuple(await gather(_scored(story.question, kept, team) for kept in story.kept)))


async def _scored(question: Question, kept: Kept, team: Team) -> Kept:
    agent = team.roles["scorer"]
    if agent is None:
        return kept
    values = {"key": known_key(question), "chain_of_thought": kept.text, "response": kept.response or ""}
    try:
        points, why, sent = await agent.ask(question, values, lambda reply: read_score(reply, agent, _BOUNDS))
    except (UnparsableReply, RequestRejected) as lost:
        return replace(kept, justification=f"no score: {lost.kind}", scorer=agent.label)
    return replace(kept, score=points, justification=why, scorer=agent.label, score_sent=sent)


def _notes(stages: Stages) -> Iterator[str]:
    if stages.score is not None and stages.score.originals:
        yield "stages.score.originals is what `reasonmed run` goes by; this command scores what its file keeps"


SPEC = StageSpec(
    name="score",
    run=score,
    options=Score,
    roles=(RoleSpec(name="scorer", prompt="score", schema=score_schema(*_BOUNDS)),),
    about="Score every kept chain of thought and its response from 1 to 10.",
    verb="scored records",
    done="scored",
    priority=80,
    card=("temperature", "top_p", "max_tokens", "sample"),
    open_ended=True,
    made=lambda kept: kept.score is not None,
    at_end=True,
    rows="record",
    notes=_notes,
)
