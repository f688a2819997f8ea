"""A stage: a model says whether a layperson understands the response; where it says no, the record is flagged."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import RequestRejected, UnparsableReply
from reasonmed.pipeline.agent import gather
from reasonmed.recipe.options import Role
from reasonmed.recipe.stages import RoleSpec, StageSpec

if TYPE_CHECKING:
    from reasonmed.exchange import Completion
    from reasonmed.pipeline.team import Team
    from reasonmed.types import Kept, Question, Story


class PlainWords(Role):
    """What a recipe may say of the stage, besides model, temperature, top_p and max_tokens."""

    flag: str = "jargon"
    """The flag of a record whose response a layperson would not understand."""


async def plain_words(story: Story, team: Team) -> Story:
    """The story; its kept chains of thought may have a flag more."""
    kept = await gather(_read(story.question, one, team) for one in story.kept or ())
    return replace(story, kept=tuple(kept))


async def _read(question: Question, kept: Kept, team: Team) -> Kept:
    """A reply that cannot be used is no judgment: then there is no flag."""
    agent, options = team.roles["layperson"], team.options(PlainWords)
    if agent is None or options is None:
        return kept
    try:
        understood = await agent.ask(question, {"response": kept.response or ""}, _yes)
    except (UnparsableReply, RequestRejected):
        return kept
    return kept if understood else replace(kept, flags=(*kept.flags, options.flag))


def _yes(completion: Completion) -> bool:
    said = completion.text.strip().lower()
    if not said.startswith(("yes", "no")):
        raise UnparsableReply("it is neither yes nor no")
    return said.startswith("yes")


SPEC = StageSpec(
    name="plain_words",
    run=plain_words,
    options=PlainWords,
    after="summarize",
    roles=(
        RoleSpec(
            name="layperson",
            prompt="plain_words",
            template=files(__package__).joinpath("plain_words.md").read_text(encoding="utf-8"),
            example=lambda _request, _choice, drawn: "yes" if drawn % 2 else "no",
        ),
    ),
)
