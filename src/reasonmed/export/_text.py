"""How texts of records look in training data."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.parsing.answer import parse_answer, unread_ending
from reasonmed.recipe.templates import instruction
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reasonmed.export._settings import Settings
    from reasonmed.types import Question, Record

VARIANTS = ("reasonmed", "cotmed", "responsemed")
"""CoT and response; CoT alone; response alone."""

_ANSWER_LINE = re.compile(r"\n*^[ \t*_#]*(?:final\s+)?answer[ \t*_]*:[^\n]*\s*\Z", re.IGNORECASE | re.MULTILINE)
_OPEN = "<think>\n"
_THINK = re.compile(r"</?think>", re.IGNORECASE)


class Parts(NamedTuple):
    """What a model is to say: its reasoning, where it is kept apart, and the text that it shows."""

    reasoning: str | None
    content: str


def instruction_of(question: Question) -> str:
    """The instruction of a question: the same in every format."""
    return instruction(question.stem, question.options, question.context)


def user(question: Question) -> list[dict[str, str]]:
    """The instruction as the one message of a prompt."""
    return [{"role": "user", "content": instruction_of(question)}]


def ended(text: str, options: Sequence[str], choice: int | None, *, plain: bool) -> str:
    """A text that ends with the one answer line, ``Answer: C. Atrophy``; with ``plain`` or no choice, its own ending.

    An answer line of its own that says anything else than this option stays as it is, and nothing is added.
    """
    return _ending(text, options, choice, plain=plain)[0]


def _ending(text: str, options: Sequence[str], choice: int | None, *, plain: bool) -> tuple[str, int]:
    """The text as it ends in training data, and up to where that is the text's own."""
    text = _THINK.sub("", text).strip()
    if plain or choice is None:
        return text, len(text)
    line = answer_line(options, choice)
    own = _ANSWER_LINE.search(text)
    if own and own[0].strip() != line:
        said = parse_answer(own[0], options)
        if said is None or said.option != choice:
            return text, len(text)
    body = (text[: own.start()] if own else text).rstrip()
    return (f"{body}\n\n{line}" if body else line), len(body)


def answer_line(options: Sequence[str], choice: int) -> str:
    """The answer line: ``Answer: C. Atrophy``."""
    return f"Answer: {letter(choice)}. {options[choice]}"


def ends_unread(record: Record) -> bool:
    """Whether the chain of thought or the response ends with an answer that cannot be read as one option."""
    if not record.options or record.answer_index is None:
        return False
    line = answer_line(record.options, record.answer_index)
    texts = (record.chain_of_thought, record.response or "")
    return any(not text.endswith(line) and unread_ending(text, record.options) for text in texts if text)


@contextmanager
def unread_endings() -> Iterator[Callable[[list[Record]], list[str]]]:
    """Gives the ids of the records that end with an answer which cannot be read."""
    yield lambda records: [record.id for record in records if ends_unread(record)]


def parts(record: Record, variant: str, settings: Settings) -> Parts | None:
    """What a record teaches in a variant; None where it has no response and the variant wants one."""
    if variant != "cotmed" and record.response is None:
        return None
    chain = ended(record.chain_of_thought, record.options, record.answer_index, plain=settings.plain)
    if variant == "cotmed":
        return Parts(None, chain)
    response = ended(record.response or "", record.options, record.answer_index, plain=settings.plain)
    return Parts(chain if variant == "reasonmed" else None, response)


def assistant(said: Parts, reasoning: Literal["inline", "field"]) -> dict[str, str]:
    """What a model is to say as a chat message; the think block looks as Qwen3's and DeepSeek-R1's models write it."""
    if said.reasoning is None:
        return {"role": "assistant", "content": said.content}
    if reasoning == "field":
        return {"role": "assistant", "reasoning_content": said.reasoning, "content": said.content}
    return {"role": "assistant", "content": f"{_OPEN}{said.reasoning}\n</think>\n\n{said.content}"}


def masked(record: Record, variant: str, settings: Settings) -> list[list[int]]:
    """Where the steps that are not ok stand in what ``assistant`` makes of a record: pairs of a start and an end.

    They are offsets of ``reasoning_content`` where the reasoning is kept apart, else of the content. A step has no
    space in front of it, and line breaks but no spaces behind it: so tokens at its ends are those of the step.
    """
    if variant == "responsemed":
        return []
    text = record.chain_of_thought
    whole, own = _ending(text, record.options, record.answer_index, plain=settings.plain)
    length = len(_THINK.sub("", text).strip())
    shift = len(_OPEN) if variant == "reasonmed" and settings.reasoning == "inline" else 0
    found = []
    for step in record.steps:
        start, end = (min(len(_THINK.sub("", text[:at]).lstrip()), length) for at in (step.start, step.end))
        piece = whole[min(start, own) : end if end <= own else None].rstrip(" \t")
        first = min(start, own) + len(piece) - len(piece.lstrip())
        if step.label != "ok" and piece.strip():
            found.append([first + shift, first + shift + len(piece.lstrip())])
    return found
