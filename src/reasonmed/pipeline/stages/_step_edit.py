"""Rewriting steps: an editor is shown which steps are faulty, and only those of its text replace them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.json_object import find_object
from reasonmed.parsing.step_labels import step_number
from reasonmed.parsing.thinking import clean
from reasonmed.pipeline.stages._reply import check_reply
from reasonmed.recipe.templates import fenced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.exchange import Completion, Request
    from reasonmed.types import Step

EDIT = "refine_steps"
"""The template of an editor of steps, under which its requests are recorded too."""
_WORD = re.compile(r"[^\W_]")
_WHOLE = 12
"""Characters of a step from which its text in another one is no chance."""
EDIT_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"step": {"type": "integer", "minimum": 1}, "text": {"type": "string"}},
                "required": ["step", "text"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["steps"],
    "additionalProperties": False,
}


def faulty(steps: Sequence[Step]) -> list[int]:
    """The numbers, from 1, of the steps that are not ok."""
    return [number for number, step in enumerate(steps, 1) if step.label != "ok"]


def marked(text: str, steps: Sequence[Step]) -> dict[str, object]:
    """The steps for a template, each with what is wrong with it; nothing where none are to be rewritten."""
    if not steps:
        return {}
    shown = [
        {"text": fenced(text[step.start : step.end].strip("\n"), f"step {number}"), "fault": step.note}
        for number, step in enumerate(steps, 1)
    ]
    return {"steps": shown, "faulty": faulty(steps)}


def spliced(completion: Completion, text: str, steps: Sequence[Step], refusals: Sequence[str]) -> Completion:
    """The reply as the whole chain of thought: its texts stand where the faulty steps stood.

    Raises:
        UnparsableReply: a faulty step is not rewritten, another one is, or a text is none for its step.
    """
    check_reply(completion, keep_truncated=False, refusals=refusals)
    rows = find_object(completion.text, "steps")["steps"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnparsableReply('"steps" is no list of objects')
    given = [(step_number(row.get("step")), row.get("text")) for row in rows]
    texts = {number: clean(said) for number, said in given if number is not None and isinstance(said, str)}
    wanted = faulty(steps)
    if len(texts) < len(given) or sorted(texts) != wanted:
        numbers = ", ".join(map(str, wanted))
        raise UnparsableReply(f"it must hold a text for each of these steps, and for no other: {numbers}")
    old = {number: text[step.start : step.end] for number, step in enumerate(steps, 1)}
    for number, said in texts.items():
        _check(number, said, old, wanted)
    pieces = [_piece(one, texts.get(number)) for number, one in old.items()]
    return replace(completion, text="".join(pieces), reasoning=None)


def _check(number: int, said: str, old: Mapping[int, str], faulty_ones: Sequence[int]) -> None:
    """Raise where a text cannot stand in a step's place: no word, the old text, or a step that stays beside it."""
    if not _WORD.search(said):
        raise UnparsableReply(f"the text of step {number} is empty")
    if said == old[number].strip():
        raise UnparsableReply(f"the text of step {number} is the old one")
    stay = ((place, one.strip()) for place, one in old.items() if place not in faulty_ones)
    again = next((place for place, one in stay if len(one) >= _WHOLE and one in said and one not in old[number]), None)
    if again is not None:
        raise UnparsableReply(f"the text of step {number} repeats step {again}, which stays where it is")


def _piece(old: str, new: str | None) -> str:
    """A step with another text between the space around it."""
    if new is None:
        return old
    before, after = len(old) - len(old.lstrip()), len(old.rstrip())
    return f"{old[:before]}{new}{old[after:]}"


def example(request: Request, choice: str, draw: int) -> str:
    """What the made-up world writes in place of faulty steps."""
    prompt = "\n".join(message.content for message in request.messages if message.role == "user")
    numbers = prompt.rpartition("Rewrite these steps: ")[2].partition(".")[0].split(", ")
    texts = dict.fromkeys(numbers, f"Weighed with the other findings, this speaks for {choice} ({draw % 97}).")
    if f"<step {int(numbers[-1]) + 1} " not in prompt:
        texts[numbers[-1]] = f"Answer: {choice}"
    return json.dumps({"steps": [{"step": int(number), "text": text} for number, text in texts.items()]})
