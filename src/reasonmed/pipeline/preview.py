"""What a stage would send for a story, without sending it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import UsageError
from reasonmed.parsing.steps import split_steps
from reasonmed.pipeline.stages._step_edit import EDIT, marked
from reasonmed.pipeline.stages._steps import shown
from reasonmed.pipeline.team import Team, assemble
from reasonmed.recipe.stages import ranks, specs
from reasonmed.types import Step

if TYPE_CHECKING:
    from reasonmed.exchange import Completion, Request
    from reasonmed.pipeline.agent import Agent
    from reasonmed.recipe.options import Recipe
    from reasonmed.types import Story

_CHAIN = "(the chain of thought that is judged, graded or rewritten)"
_RESPONSE = "(the response)"
_REASON = "(the judge's reason against another chain of thought)"
_NOTE = "(the judge's note on this step)"


class _Silent:
    """A back end that answers nothing."""

    async def complete(self, request: Request) -> Completion:
        raise UsageError(f"a preview sends nothing, not even {request.stage}")

    async def aclose(self) -> None:
        """Nothing to release."""


def preview(recipe: Recipe, stage: str, story: Story) -> Request:
    """The first request of a stage; what earlier stages would have written stands in parentheses.

    Raises:
        UsageError: there is no such stage, or the recipe leaves it out.
    """
    team = assemble(recipe, {name: _Silent() for name in recipe.models})
    agent = _agent(team, stage)
    if agent is None:
        raise UsageError(
            f"--stage {stage!r}: no stage of this recipe has that prompt; all prompts are {', '.join(ranks())}"
        )
    question = story.question
    first = next((chain for chain in story.chains if chain.missing is None), None)
    kept = story.kept[0] if story.kept else None
    text = kept.text if kept else first.text if first else _CHAIN
    reasons = [chain.verdict.reason for chain in story.chains if chain.outcome == "error" and chain.verdict]
    values = {
        "key": question.key_text if question.answer is not None else "",
        "chain_of_thought": text,
        "reasoning": text,
        "reasons": reasons or [_REASON],
        "response": (kept.response if kept else None) or _RESPONSE,
    }
    return agent.request(question, {} if stage == "generate" else {**values, **_steps(stage, text)})


def _steps(prompt: str, text: str) -> dict[str, object]:
    """The steps for a prompt that shows them; an editor's first step is taken as the faulty one."""
    spans = split_steps(text)
    if prompt == EDIT:
        return marked(text, [Step(*spans[0], "error", note=_NOTE), *(Step(*span, "ok") for span in spans[1:])])
    return shown(text, spans)


def _agent(team: Team, prompt: str) -> Agent | None:
    """The agent that asks under a prompt's name: of several, the one of the later stage."""
    if team.generators and prompt == team.generators[0][0].stage:
        return team.generators[0][0]
    for spec in (*reversed(specs()), *team.further):
        for role in spec.roles:
            agent = team.roles[role.name]
            if role.prompt == prompt and agent is not None:
                return agent
    return None
