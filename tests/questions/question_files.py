"""Question files for tests: writing them, and what reading them finds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from reasonmed.errors import QuestionError
from reasonmed.questions import Settings, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reasonmed.types import Question


def row(**fields: Any) -> dict[str, Any]:
    """A row in the native layout; a field that is None is left out."""
    told = {"question": "Which drug?", "options": ["Heparin", "Warfarin", "Aspirin"], "answer": "Warfarin", **fields}
    return {name: value for name, value in told.items() if value is not None}


def write_lines(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in rows), encoding="utf-8")
    return path


def write_bytes(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def found(path: Path, settings: Settings | None = None) -> tuple[list[Question], list[QuestionError]]:
    """The good questions and the errors of a file, each in order."""
    good: list[Question] = []
    bad: list[QuestionError] = []
    for one in read(path, settings):
        if isinstance(one, QuestionError):
            bad.append(one)
        else:
            good.append(one)
    return good, bad


def the_question(path: Path, settings: Settings | None = None) -> Question:
    """The only question of a file without a bad row."""
    good, bad = found(path, settings)
    assert not bad, str(bad[0])
    assert len(good) == 1
    return good[0]


def the_error(path: Path, settings: Settings | None = None) -> QuestionError:
    """The only error of a file."""
    _, bad = found(path, settings)
    assert len(bad) == 1, bad
    return bad[0]
