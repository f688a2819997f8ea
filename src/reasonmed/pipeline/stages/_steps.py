"""Steps: how a judge is shown the steps of a chain of thought, and how its labels are read."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from reasonmed.parsing.step_labels import NONE, exactly, parse_steps
from reasonmed.recipe.templates import fenced
from reasonmed.types import Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from reasonmed.exchange import Completion, Request
    from reasonmed.parsing.steps import Span
    from reasonmed.pipeline.agent import Agent
    from reasonmed.pipeline.team import Team

STEPS = "verify_steps"
"""The template of a judge of steps, under which its requests are recorded too."""
_OK = {"label": "ok", "type": NONE, "severity": NONE, "note": ""}
_FAULTS = {
    "severe": {"label": "error", "type": "wrong_inference", "severity": "severe", "note": "It does not follow."},
    "minor": {"label": "unsupported", "type": "unsupported_claim", "severity": "minor", "note": "Nothing shows it."},
}
_SPOKEN = re.compile(r"^<step (\d+) [0-9a-f]{8}>$", re.MULTILINE)


def every_step_judge(team: Team) -> Agent | None:
    """The judge that labels the steps of every chain, where the recipe asks for that."""
    return team.roles["step_judge"] if team.stages.verify and team.stages.verify.steps is True else None


def counted(agent: Agent, count: int) -> Agent:
    """The agent, whose reply is to have an entry for each of so many steps; as it is where there are none."""
    return agent if agent.schema is None or not count else replace(agent, schema=exactly(agent.schema, count))


def shown(text: str, spans: Iterable[Span | Step]) -> dict[str, object]:
    """The steps for a template, each between tags of its own; nothing for a template without steps."""
    steps = [fenced(text[span.start : span.end].strip("\n"), f"step {number}") for number, span in enumerate(spans, 1)]
    return {"steps": steps} if steps else {}


def read_steps(completion: Completion, spans: Sequence[Span]) -> tuple[Step, ...]:
    """The labels of these steps; none where the judge was shown none.

    Raises:
        UnparsableReply: a step has no label or two, or a label is not as it was asked for.
    """
    labels = parse_steps(completion.text, len(spans)) if spans else ()
    return tuple(
        Step(span.start, span.end, one.label, one.type, one.severity, one.note)
        for span, one in zip(spans, labels, strict=True)
    )


def example(request: Request, choice: str, draw: int) -> str:
    """What the made-up world says of steps: of five chains one has a severe error, one a minor one, at a drawn step."""
    prompt = "\n".join(message.content for message in request.messages if message.role == "user")
    count = max((int(number) for number in _SPOKEN.findall(prompt)), default=1)
    said = re.findall(r"^Answer: ([A-Z])", prompt, re.MULTILINE)
    drawn, severe = draw // 5 % count + 1, draw % 5 == 0
    wrong = said[-1:] != [choice]
    fault = count if wrong else drawn if draw % 5 < 2 else 0  # noqa: PLR2004 - one of five severe, one minor
    found = _FAULTS["severe" if wrong or severe else "minor"]
    steps = [{"step": number, **(found if number == fault else _OK)} for number in range(1, count + 1)]
    error = wrong or severe
    reason = f"Step {fault} fails." if error else "The key finding is weighed."
    return json.dumps({"steps": steps, "verdict": "Error" if error else "Correct", "reason": reason})
