"""Files as strangers publish them: every case is read with the right keys, or refused with what it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from reasonmed.errors import QuestionError
from reasonmed.questions import read
from reasonmed.types import Question

if TYPE_CHECKING:
    from pathlib import Path

TWICE = {"file-032"}
"""Files of two lists with the same keys: the case names those of one, and both are read, so that no row is lost."""


@pytest.fixture(scope="module")
def cases(shared: Path) -> list[dict[str, Any]]:
    path = shared / "cases" / "question_file.jsonl"
    if not path.is_file():
        pytest.skip("the cases of question files are not at hand: they are in cases/ of the folder REASONMED_SHARED")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def outcome(path: Path) -> tuple[list[int | None], list[str]]:
    """The keys of a file, and what is wrong with it."""
    try:
        found = list(read(path))
    except QuestionError as refused:
        return [], [str(refused)]
    bad = [str(one) for one in found if isinstance(one, QuestionError)]
    return [one.answer for one in found if isinstance(one, Question)], bad


def test_every_case_is_read_with_its_keys_or_refused(tmp_path: Path, cases: list[dict[str, Any]]) -> None:
    wrong = []
    for case in cases:
        path = tmp_path / case["file"]
        path.write_bytes(case["input"].encode("utf-8", "surrogateescape"))
        keys, bad = outcome(path)
        expected = case["expected"]
        if expected.startswith("keys "):
            told = json.loads(expected.removeprefix("keys ")) * (2 if case["id"] in TWICE else 1)
            right = keys == told and not bad
        elif expected.startswith("refused"):
            right = not keys and bool(bad)
        else:
            right = len(bad) == 1 and ":1: opc: is missing" in bad[0]
        if not right:
            wrong.append((case["id"], case["layout"], expected, keys, bad))
    assert not wrong
