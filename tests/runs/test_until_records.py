"""A run that is to end at a number of records takes no further question then, and resumes to the same bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reasonmed as rm
from product import reasonmed_at
from reasonmed.backends._prices import Price
from reasonmed.errors import BudgetReached, Drained, Unavailable, UsageError
from reasonmed.recipe.shipped import resource
from reasonmed.runs.commands.run import synthesis_job, with_until
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.resume import job_of, retire
from reasonmed.runs.shards import Shard
from reasonmed.runs.status import status_of
from reasonmed.types import Story
from runs import World, content, questions, untroubled
from support import recipe

if TYPE_CHECKING:
    from reasonmed.recipe.options import Recipe

COUNT = 8
EXAMPLES = 12 if "REASONMED_EVERY_STEP" in os.environ else 3


def open_at_once(number: int) -> Recipe:
    made = recipe()
    return made.model_copy(update={"limits": made.limits.model_copy(update={"questions": number})})


def run(
    folder: Path, until: int | None, made: Recipe | None = None, shard: Shard | None = None
) -> tuple[RunDirectory, Watch]:
    intake = take_in(Path("questions.jsonl"), lambda: map(Story, questions(COUNT)), Selection(shard=shard))
    directory, watch = RunDirectory(folder), Watch()
    job = with_until(synthesis_job(intake, made or open_at_once(1), directory), until)
    with contextlib.suppress(Unavailable, Drained):
        asyncio.run(execute(job, watch))
    return directory, watch


def finished_ids(directory: RunDirectory) -> set[str]:
    return {json.loads(line)["question_id"] for line in directory.records_path.read_text().splitlines()} | {
        json.loads(line)["question_id"] for line in directory.failures_path.read_text().splitlines()
    }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_no_question_begins_once_there_are_enough_records(world: World, tmp_path: Path) -> None:
    directory, watch = run(tmp_path / "run", 5)
    status = status_of(directory)
    assert 5 <= status.records <= 6, "one question was under way, and has two records at most"
    assert status.succeeded + status.failures + status.unfinished == COUNT
    taken = {name for name, _ in world.asked}
    assert taken - {"q0#1"} >= {f"q{number}" for number in range(COUNT - status.unfinished)}
    assert not taken & {f"q{number}" for number in range(COUNT - status.unfinished, COUNT)}
    assert (status.state, status.until_records, status.has_enough) == ("drained", 5, True)
    assert any(f"{status.unfinished} questions were not begun" in note for note in watch.notes)


def test_what_was_under_way_is_kept_and_counted(world: World, tmp_path: Path) -> None:
    directory, watch = run(tmp_path / "run", 1, open_at_once(3))
    status = status_of(directory)
    assert COUNT - status.unfinished >= 3
    assert status.records == len(directory.records_path.read_text().splitlines()) > 1
    assert any(f"stopped at {status.records} records, of 1 that were wanted" in note for note in watch.notes)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ends=st.lists(st.integers(1, 15), min_size=1, max_size=2),
    stops=st.lists(st.integers(1, 150), max_size=1),
    together=st.sampled_from([1, 4]),
    shuffle=st.integers(0, 99),
)
def test_a_run_that_ended_at_any_numbers_of_records_resumes_to_the_same_bytes(
    ends: list[int], stops: list[int], together: int, shuffle: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        world, made = World(patch, shuffle), open_at_once(together)
        for place, until in enumerate(ends):
            world.stop_after = world.requests + stops[place] if place < len(stops) else None
            run(Path(name, "run"), until, made)
        world.stop_after = None
        directory, _ = run(Path(name, "run"), None, made)
        assert content(directory) == untroubled(COUNT)
        assert set(world.paid.values()) == {1}


def test_enough_records_ask_nothing_again(world: World, tmp_path: Path) -> None:
    before, _ = run(tmp_path / "run", 5)
    kept, paid = content(before), world.requests
    directory, watch = run(tmp_path / "run", 4)
    assert (content(directory), world.requests) == (kept, paid)
    assert any("not begun" in note for note in watch.notes)
    assert not any("already finished" in note for note in watch.notes)


def test_questions_that_were_begun_are_finished_although_there_are_enough_records(world: World, tmp_path: Path) -> None:
    world.stop_after = 150
    directory, _ = run(tmp_path / "run", None, open_at_once(6))
    begun = {name for name, stage in world.asked if stage == "generate"}
    assert begun > finished_ids(directory), "some were under way"
    world.stop_after = None
    directory, _ = run(tmp_path / "run", 1, open_at_once(6))
    assert finished_ids(directory) == begun


def test_with_fewer_records_than_were_wanted_a_run_ends_as_ever_and_says_how_many(world: World, tmp_path: Path) -> None:
    directory, watch = run(tmp_path / "run", 1000, open_at_once(6))
    status = status_of(directory)
    assert (status.state, status.unfinished, status.has_enough) == ("finished", 0, False)
    assert content(directory) == untroubled(COUNT)
    assert any(f"they made {status.records} records, and 1,000 were wanted" in note for note in watch.notes)


def test_a_part_of_a_run_counts_its_own_records(world: World, tmp_path: Path) -> None:
    part = Shard(1, 2)
    directory, _ = run(tmp_path / "run", 2, shard=part)
    status = status_of(directory)
    assert 2 <= status.records <= 3
    assert all(part.has(name) for name in finished_ids(directory))
    assert status.questions == sum(part.has(one.id) for one in questions(COUNT))


def test_a_retry_begins_no_question_that_was_not_begun(world: World, tmp_path: Path) -> None:
    directory, _ = run(tmp_path / "run", 5)
    left = status_of(directory).unfinished
    retire(directory, ["unparsable"])
    asyncio.run(execute(job_of(directory), Watch()))
    assert status_of(directory).unfinished == left > 0


def test_the_ceiling_of_money_holds_beside_it(world: World, tmp_path: Path) -> None:
    made = open_at_once(1)
    entries = {name: made.model(name).model_copy(update={"price": Price(input=1, output=1)}) for name in made.models}
    limits = made.limits.model_copy(update={"max_cost": 0.05})
    dear = made.model_copy(update={"models": entries, "limits": limits})
    intake = take_in(Path("questions.jsonl"), lambda: map(Story, questions(COUNT)), Selection())
    job = with_until(synthesis_job(intake, dear, RunDirectory(tmp_path / "run")), 15)
    with pytest.raises(BudgetReached):
        asyncio.run(execute(job, Watch()))


def test_what_is_left_goes_by_records_where_these_end_the_run_first() -> None:
    watch = Watch(total=100, done=10, until_records=20, records=10, gained=10, started=-1e9)
    now = watch.snapshot()
    assert watch.so_far == (10, 20)
    assert (now.records, now.until_records) == (10, 20)
    assert now.left_s == pytest.approx(now.elapsed_s, rel=0.01)
    many = Watch(total=20, done=10, until_records=1000, records=10, gained=10, started=-1e9)
    assert many.so_far == (10, 20)


def test_no_number_below_one_is_taken(tmp_path: Path) -> None:
    for wrong in ("0", "many"):
        done = reasonmed_at(tmp_path, "run", "q.json", "-r", "scripted", "--until-records", wrong)
        assert done.code == 2, wrong
        assert "--until-records" in done.err
    with pytest.raises(UsageError, match="until_records is 0"):
        rm.synthesize(resource("examples", "questions.json"), "scripted", out=tmp_path / "run", until_records=0)
    assert not (tmp_path / "run").exists()


def test_the_command_says_how_many_came_and_leaves_with_0(tmp_path: Path) -> None:
    words = ("run", resource("examples", "questions.json"), "-r", "scripted", "-o", "run", "--max-failures", "100%")
    done = reasonmed_at(tmp_path, *words, "--until-records", "6")
    assert done.code == 0, done.err
    assert "not begun; a larger number, or none, takes them" in done.err
    shown = reasonmed_at(tmp_path, "status", "run").out
    assert "not begun" in shown
    assert "--until-records 6" in shown
    more = rm.synthesize(
        resource("examples", "questions.json"), "scripted", out=tmp_path / "run", until_records=20
    ).status()
    assert more.records >= 20
