"""Rows of ``instruction``, ``input`` and ``output`` as cases, as far as the instruction can be taken apart again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.checks.cases import BadRow, Case, Passage
from reasonmed.errors import QuestionError
from reasonmed.parsing.thinking import split_thinking
from reasonmed.questions._files import rows
from reasonmed.recipe.templates import INSTRUCTION
from reasonmed.types import Question, letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OPTION = re.compile(r"^\(?([A-Z])[.):]\s+(.*)$")
_FEWEST = 2
_RESPONSES = "ResponseMed"


def instruction_cases(path: Path) -> Iterator[Case | BadRow]:
    """The rows of a file, one case each, named by file and number: ``ReasonMed.json#17``."""
    for number, row in enumerate(rows(path), 1):
        if isinstance(row, QuestionError):
            yield BadRow(f"{row.file}:{row.line}", str(row))
            continue
        asked, more, said = (row.fields.get(name) for name in ("instruction", "input", "output"))
        if isinstance(asked, str) and isinstance(said, str):
            whole = f"{asked}\n{more}" if isinstance(more, str) and more.strip() else asked
            yield _case(f"{path.name}#{number}", whole, said, responses=_RESPONSES in path.name)
        else:
            yield BadRow(f"{path}:{row.line}", "is no instruction with an output: both must be texts")


def taken_apart(instruction: str) -> tuple[str, tuple[str, ...]]:
    """Stem and options of an instruction; no options where its last lines are not lettered from A on."""
    lines = instruction.removeprefix(INSTRUCTION).rstrip().split("\n")
    options: list[tuple[str, str]] = []
    while lines and (not options or options[-1][0] != "A") and (match := _OPTION.match(lines[-1])):
        options.append((match[1], match[2].strip()))
        lines.pop()
    options.reverse()
    if len(options) < _FEWEST or [name for name, _ in options] != [letter(place) for place in range(len(options))]:
        return instruction.removeprefix(INSTRUCTION).strip(), ()
    return "\n".join(lines).strip(), tuple(text for _, text in options)


def _case(name: str, instruction: str, said: str, *, responses: bool) -> Case:
    stem, options = taken_apart(instruction)
    split = split_thinking(said)
    chain: str | None = split.text
    response: str | None = None
    if responses:
        chain, response = None, split.text
    elif split.reasoning is not None:
        chain, response = split.reasoning, split.text
    return Case(Question(name, stem, options), (Passage(name, "record", chain, response),))
