"""The replies of corpus.jsonl: what a model said, and what a careful person would read in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Case:
    """One reply. ``expected`` is an index, a verdict or a score; None where nothing can be read for certain."""

    id: str
    kind: str
    reply: str
    expected: Any
    why: str
    options: tuple[str, ...] = ()
    low: int = 0
    high: int = 0

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Case:
        return cls(**{**row, "options": tuple(row.get("options", ()))})


_LINES = (Path(__file__).parent / "corpus.jsonl").read_text(encoding="utf-8").split("\n")
CASES = [Case.from_row(json.loads(line)) for line in _LINES if line]


def cases(kind: str) -> list[Case]:
    return [case for case in CASES if case.kind == kind]
