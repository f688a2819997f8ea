"""How texts of records look in training data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.prompting import instruction
from reasonmed.types import letter

if TYPE_CHECKING:
    from reasonmed.types import Record

_ANSWER_LINE = re.compile(r"\n*^[ \t*_#]*(?:final\s+)?answer[ \t*_]*:[^\n]*\s*\Z", re.IGNORECASE | re.MULTILINE)
_THINK = re.compile(r"</?think>", re.IGNORECASE)


def instruction_of(record: Record) -> str:
    """The instruction of a record."""
    return instruction(record.question, record.options, record.context)


def answer_line(record: Record) -> str:
    """The last line of every text: ``Answer: C. Atrophy``."""
    return f"Answer: {letter(record.answer_index)}. {record.answer}"


def ended(text: str, record: Record, *, plain: bool) -> str:
    """A text that ends with the one answer line; with ``plain``, its own ending."""
    text = _THINK.sub("", text).strip()
    if plain:
        return text
    body = _ANSWER_LINE.sub("", text).rstrip()
    return f"{body}\n\n{answer_line(record)}" if body else answer_line(record)
