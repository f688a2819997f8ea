"""Stages of other packages: whatever they give is checked before anybody goes by it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from reasonmed import plugins
from reasonmed.errors import PluginError
from reasonmed.types import Failure, Story, unsound

if TYPE_CHECKING:
    from reasonmed.pipeline.team import Team
    from reasonmed.recipe.stages import StageSpec


async def from_outside(spec: StageSpec, story: Story, team: Team) -> Story:
    """The story behind a stage of another package; where it leaves no kept chain of thought, the question fails.

    Raises:
        PluginError: the stage raises what is no error of ours, or gives what is no story of this question.
    """
    who = f"{spec.plugin}"
    with plugins.at_work(spec.plugin, f"question {story.question.id!r}") if spec.plugin else nullcontext():
        after = await spec.run(story, team)
        problem = _problem(story, after)
    if problem is not None:
        raise PluginError(f"{who} at question {story.question.id!r}: {problem}")
    if story.kept and not after.kept and after.failure is None:
        reasons = "; ".join(one.reason for one in after.dropped if one.stage == spec.name) or "without a reason"
        return replace(after, failure=Failure("unverified", f"{spec.name} left no chain of thought: {reasons}"))
    return after


def _problem(before: Story, after: object) -> str | None:
    if not isinstance(after, Story):
        return f"it gave {type(after).__name__}, which is no Story"
    try:
        read = msgspec.convert(msgspec.to_builtins(after), Story)
    except msgspec.ValidationError as wrong:
        return f"what it gave cannot be kept: {wrong}"
    if after.question.id != before.question.id:
        return f"it gave the story of {after.question.id!r:.100}"
    return unsound(read)
