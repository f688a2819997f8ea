"""A large run is checked, rebuilt and written by several processes: the same bytes as by one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reasonmed.checks import Plan
from reasonmed.checks.inputs import find_input
from reasonmed.checks.write import check_to_files
from reasonmed.questions import Settings
from reasonmed.questions.contamination import matcher_of
from reasonmed.recipe.shipped import resource
from reasonmed.runs.rebuild import rebuild

if TYPE_CHECKING:
    from reasonmed.runs.directory import RunDirectory


def test_a_rebuild_is_the_same_by_whomever(copied: RunDirectory, by_two: None) -> None:
    told: list[int] = []
    found = asyncio.run(rebuild(copied, done=told.append))
    assert (found.questions, found.identical, found.changed) == (26, True, [])
    assert told == [10, 20, 26]


def test_findings_are_the_same_by_whomever(run26: RunDirectory, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("datasketch", reason="needs the extra check")
    pytest.importorskip("rapidfuzz", reason="needs the extra check")
    plan = Plan(matcher_of([Path(str(resource("examples", "questions.json")))]))
    inputs = [run26.path, run26.records_path]
    for number, path in enumerate(inputs):
        check_to_files(find_input(path, Settings()), plan, tmp_path / f"one-{number}.json", None)
    request.getfixturevalue("by_two")
    told: list[int] = []
    for number, path in enumerate(inputs):
        check_to_files(find_input(path, Settings()), plan, tmp_path / f"two-{number}.json", None, told.append)
        assert (tmp_path / f"two-{number}.json").read_bytes() == (tmp_path / f"one-{number}.json").read_bytes()
    assert told[:2] == [4, 8]
