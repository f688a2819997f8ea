"""One model in memory at a time: few switches, and the records of a run with all of them there."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from one_gpu import STAGES, recipe, reply
from reasonmed import recipe as recipes
from reasonmed.backends import scripted
from reasonmed.cli._live import _line
from reasonmed.recipe.shipped import resource
from reasonmed.recipe.turns import in_turn
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import TurnsNow, Watch
from reasonmed.runs.status import status_of
from reasonmed.types import Story
from runs import content, questions, run

if TYPE_CHECKING:
    import pytest

    from reasonmed.exchange import Completion, Request
    from reasonmed.recipe.options import Recipe

COUNT, ALIVE = 50, 8
TURNS = [
    *("one", "two", "three", "judge", "ranker", "editor", "author", "judge", "author", "judge", "writer", "scorer"),
]


def made(resident: int | None) -> Recipe:
    told = recipe(resident)
    return recipes.from_mapping({**told, "limits": {**told["limits"], "questions": ALIVE}}, "test")


def test_seven_roles_take_at_most_two_switches_a_stage_and_the_records_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: set[str] = set()
    paid: Counter[bytes] = Counter()
    watch, seen, lines = Watch(), list[TurnsNow](), set[str]()

    class Jealous(scripted.Scripted):
        def __init__(self, name: str) -> None:
            self.name = name

        async def open(self) -> None:
            inside.add(self.name)
            assert inside == {self.name}

        async def close(self) -> None:
            inside.remove(self.name)

        async def complete(self, request: Request) -> Completion:
            assert inside == {self.name}
            paid[request.key] += 1
            now = watch.snapshot()
            assert now.turns is not None
            seen.append(now.turns)
            lines.update(_line(now, "questions").split(" · "))
            return await scripted.Scripted(reply).complete(request)

    whole = content(run(tmp_path / "all", questions(COUNT), made(None)))
    monkeypatch.setattr(scripted, "connect", lambda entry, _: Jealous(entry.identity))
    rows = questions(COUNT)
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in rows), Selection())
    folder = RunDirectory(tmp_path / "turns")
    asyncio.run(execute(synthesis_job(intake, made(1), folder), watch))
    assert content(folder) == whole
    late = max((now for now in seen if now.open == ["three"]), key=lambda now: now.waiting.get("judge", 0))
    assert COUNT - ALIVE <= late.waiting["judge"] < COUNT
    assert late.switches == 2
    assert f"in memory: three, questions wait: {late.waiting['judge']} for judge, 2 switches" in lines
    status = status_of(folder)
    assert status.turns is not None
    assert [one.model for one in status.turns.openings] == TURNS
    assert status.turns.switches == len(TURNS) - 1 <= 2 * (len(STAGES) - 1)
    assert [one.questions for one in status.turns.openings][1:4] == [COUNT] * 3
    assert {*paid.values()} == {1}
    assert sum(paid.values()) == status.calls
    assert (status.state, status.unfinished) == ("finished", 0)


def test_the_order_of_turns_puts_who_is_asked_by_a_later_stage_behind() -> None:
    assert in_turn(made(1)) == ["one", "two", "three", "ranker", "editor", "author", "judge", "writer", "scorer"]
    told = recipe(1)
    told["stages"]["generate"]["models"] = ["judge", "one", "writer"]
    told["stages"]["refine"]["verify"] = told["stages"]["optimize"]["verify"] = False
    told["stages"]["optimize"]["blind_model"] = "two"
    assert in_turn(recipes.from_mapping(told, "test")) == [
        *("one", "judge", "ranker", "editor", "author", "two", "writer", "scorer"),
    ]


def test_the_shipped_recipe_takes_turns_with_stand_ins_for_its_models(tmp_path: Path) -> None:
    told: Any = yaml.safe_load(resource("recipes", "one_gpu.yaml").read_text(encoding="utf-8"))
    told["models"] = {
        name: {"backend": "scripted", "model": entry["model"], "function": "one_gpu:reply"}
        for name, entry in told["models"].items()
    }
    status = status_of(run(tmp_path / "run", questions(6), recipes.from_mapping(told, "one_gpu")))
    assert (status.state, status.unfinished) == ("finished", 0)
    assert status.turns is not None
    assert [one.model for one in status.turns.openings][:4] == ["qwen", "huatuo", "deepseek", "judge"]
    assert status.turns.switches <= 2 * (len(STAGES) - 1)
