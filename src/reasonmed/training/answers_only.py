"""Rows whose reply is the answer alone, made of rows with reasoning: what a model learns without any chain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.parsing.answer import parse_answer
from reasonmed.training.data import Data, Message, Row, Rows
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Iterable

ANSWERS = "answers"
"""The variant's name."""
MOST_UNREAD = 0.01
"""The share of rows whose answer may be unreadable; those are skipped."""
_OPTION = re.compile(r"^\(?([A-Z])[.):] (.*\S)", re.MULTILINE)
_LETTERS = tuple("ABCDEFGHIJ")
"""Stand for the options where a prompt does not list them."""


def answers_only(found: Data[Row]) -> Data[Row]:
    """The same rows with the answer line as their whole reply.

    Raises:
        UsageError: more than 1 % of the rows end in no readable answer.
    """
    return Data(_rows(found.train), _rows(found.validation) if found.validation else None)


def _rows(found: Rows[Row]) -> Rows[Row]:
    made, unread = [], []
    for row in found.rows:
        line = _line(row)
        if line is None:
            unread.append(row.id)
        else:
            made.append(replace(row, completion=(Message("assistant", line),), masked=()))
    if not made or len(unread) > MOST_UNREAD * len(found.rows):
        raise UsageError(
            f"{found.path}: the replies of {len(unread):,} of {len(found.rows):,} rows (first: {unread[0]!r}) end in "
            "no readable answer, so there is nothing to train without chains on; replies end with a line such as "
            "'Answer: C. Atrophy', as `reasonmed export` writes them"
        )
    return Rows(found.path, made, found.sha)


def _line(row: Row) -> str | None:
    """The answer line of a row's reply; None where no answer can be read."""
    options = _options(message.content for message in row.prompt)
    read = parse_answer(row.completion[-1].content, options or _LETTERS)
    if read is None:
        return None
    named = letter(read.option)
    return f"Answer: {named}. {options[read.option]}" if options else f"Answer: {named}"


def _options(prompts: Iterable[str]) -> tuple[str, ...]:
    """The options that a prompt lists last, from A on; empty where it lists none."""
    found: list[str] = []
    for named, text in (pair for prompt in prompts for pair in _OPTION.findall(prompt)):
        if named == "A":
            found = []
        if named == letter(len(found)):
            found.append(text)
    return tuple(found) if len(found) > 1 else ()
