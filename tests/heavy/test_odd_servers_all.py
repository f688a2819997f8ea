"""All odd servers of the table, and the stand-in's own to every shipped recipe, as whole runs: the docs' counts."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest

from odd_servers import KINDS, OTHERS, QUESTION, Case, Ended, played, problem, standin, table_of
from reasonmed import recipe as recipes
from reasonmed.recipe.shipped import resource
from reasonmed.runs.selftest.odd import play
from reasonmed.runs.selftest.odd_cases import CASES

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
RECIPES = ("scripted", "api", "endpoint", "eight_gpu", "local", "paper")
AT_A_TIME = 8


def documented() -> dict[str, tuple[int, int, int]]:
    """Tried, as they should, not: by kind, as the docs say."""
    page = PAGE.read_text(encoding="utf-8").partition("## Servers by kind")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+?) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|", page, re.MULTILINE)
    return {kind: tuple(int(one.replace(",", "")) for one in counts) for kind, *counts in rows}  # type: ignore[misc]


def test_every_row_of_the_table_ends_as_the_docs_count(shared: Path, tmp_path: Path) -> None:
    table = table_of(shared)
    turns = asyncio.Semaphore(AT_A_TIME)

    async def one(url: str, case: Case, folder: Path) -> Ended:
        several = [QUESTION, *OTHERS] if "request" in case.expected and "@" in case.name else None
        async with turns:
            return await asyncio.wait_for(played(url, case, folder, rows=several), 90)

    async def all_of(url: str) -> list[Ended]:
        return await asyncio.gather(*(one(url, case, tmp_path / str(n)) for n, case in enumerate(table)))

    with standin(shared) as url:
        ended = asyncio.run(all_of(url))
    problems = {case: problem(case, one) for case, one in zip(table, ended, strict=True)}
    wrong = [f"{case.name} {case.role}: {found}" for case, found in problems.items() if found]
    tried, failed = (
        Counter(case.kind for case in table),
        Counter(case.kind for case, found in problems.items() if found),
    )
    counts = {kind: (tried[kind], tried[kind] - failed[kind], failed[kind]) for kind in KINDS}
    assert {kind: documented().get(kind) for kind in KINDS} == counts, (wrong, counts)


@pytest.mark.parametrize("name", RECIPES)
def test_the_stand_ins_own_cases_end_as_the_docs_count(name: str, tmp_path: Path) -> None:
    made = recipes.load(name)
    found = asyncio.run(play(made, resource("examples", "questions.json"), tmp_path))
    marks = [one.ok for one in found]
    counts = (marks.count(True) + marks.count(False), marks.count(True), marks.count(False))
    odd = [f"{one.case.name}: {one.ok}, {one.ended.code} {one.ended.said}" for one in found if not one.ok]
    assert len(found) == len(CASES)
    assert documented()[f"`selftest --odd`, recipe `{name}`"] == counts, odd
