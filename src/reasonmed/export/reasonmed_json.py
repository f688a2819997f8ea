"""The published files: ``ReasonMed.json`` (CoT and response), ``CoTMed.json`` (CoT), ``ResponseMed.json`` (response).

Each is a list of ``instruction``, ``input`` (empty) and ``output``, as in the original's data set.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from reasonmed.export._text import ended, instruction_of
from reasonmed.files import replacing
from reasonmed.ledger import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from reasonmed.export import Settings
    from reasonmed.types import Record


def write(rows: Iterable[Record], folder: Path, settings: Settings) -> list[str]:
    """Write the three files, row-aligned; a record without a response is in CoTMed alone."""
    with ExitStack() as stack:
        lists = {name: _List(stack.enter_context(replacing(folder / name)).write) for name in VARIANTS}
        for record in rows:
            for name, output in VARIANTS.items():
                text = output(record, plain=settings.plain)
                if text is not None:
                    lists[name].add({"instruction": instruction_of(record), "input": "", "output": text})
        for one in lists.values():
            one.end()
    return list(VARIANTS)


def reasonmed(record: Record, *, plain: bool) -> str | None:
    """CoT in one think block, then the response."""
    if record.response is None:
        return None
    chain = ended(record.chain_of_thought, record, plain=plain)
    return f"<think>{chain}</think>{ended(record.response, record, plain=plain)}"


def cotmed(record: Record, *, plain: bool) -> str | None:
    """CoT alone."""
    return ended(record.chain_of_thought, record, plain=plain)


def responsemed(record: Record, *, plain: bool) -> str | None:
    """Response alone."""
    return None if record.response is None else ended(record.response, record, plain=plain)


VARIANTS = {"ReasonMed.json": reasonmed, "CoTMed.json": cotmed, "ResponseMed.json": responsemed}


class _List:
    """A JSON list, written row by row."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write, self._begun = write, False

    def add(self, row: object) -> None:
        self._write((b",\n" if self._begun else b"[\n") + encode(row))
        self._begun = True

    def end(self) -> None:
        self._write(b"\n]\n" if self._begun else b"[]\n")
