"""Resume is replay: whatever happens to a run, the same command ends with the same bytes and pays nothing twice."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reasonmed.backends._prices import Price
from reasonmed.errors import ControlError, RunDirectoryError
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.resume import job_of
from reasonmed.runs.status import status_of
from reasonmed.types import Story
from runs import World, content, questions, run, untroubled
from support import recipe

EXAMPLES = 12 if "REASONMED_EVERY_STEP" in os.environ else 6


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_every_question_is_a_record_or_a_failure(world: World, tmp_path: Path) -> None:
    directory = run(tmp_path / "run", questions(20))
    status = status_of(directory)
    assert status.state == "finished"
    assert status.succeeded + status.failures == status.questions == 20
    assert status.unfinished == 0
    assert set(status.tiers) == {"easy", "medium", "difficult"}
    assert status.calls == world.requests


def test_a_finished_run_makes_no_request(world: World, tmp_path: Path) -> None:
    before = content(run(tmp_path / "run", questions(5)))
    paid = world.requests
    assert content(run(tmp_path / "run", questions(5))) == before
    assert world.requests == paid


@settings(
    max_examples=12 if "REASONMED_EVERY_STEP" in os.environ else 6,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    stops=st.lists(st.integers(1, 250), max_size=3), shuffle=st.integers(0, 99), open_now=st.sampled_from([1, 3, 50])
)
def test_a_run_stopped_after_any_requests_ends_with_the_same_bytes(
    stops: list[int], shuffle: int, open_now: int
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = World(patch, shuffle)
        made = recipe()
        made = made.model_copy(update={"limits": made.limits.model_copy(update={"in_flight": open_now})})
        for stop in stops:
            world.stop_after = world.requests + stop
            run(folder / "run", questions(4), made)
        world.stop_after = None
        assert content(run(folder / "run", questions(4), made)) == untroubled(4)
        assert set(world.paid.values()) == {1}


def test_a_drained_run_says_so_and_accounts_for_every_question(world: World, tmp_path: Path) -> None:
    world.stop_after = 60
    directory = run(tmp_path / "run", questions(8))
    status = status_of(directory)
    assert status.state == "drained"
    assert status.unfinished > 0
    assert status.succeeded + status.failures + status.unfinished == 8


def test_questions_may_be_added(world: World, tmp_path: Path) -> None:
    run(tmp_path / "run", questions(3))
    paid = world.requests
    grown = run(tmp_path / "run", questions(6))
    assert content(grown) == content(run(tmp_path / "fresh", questions(6)))
    assert world.requests > paid
    assert status_of(grown).questions == 6


def test_a_larger_limit_adds_and_a_smaller_one_takes_nothing_away(world: World, tmp_path: Path) -> None:
    run(tmp_path / "run", questions(6), limit=2)
    first = content(run(tmp_path / "run", questions(6), limit=4))
    paid = world.requests
    assert content(run(tmp_path / "run", questions(6), limit=1)) == first
    assert world.requests == paid


def test_a_changed_question_is_refused(world: World, tmp_path: Path) -> None:
    run(tmp_path / "run", questions(3))
    changed = questions(3)
    changed[1] = replace(changed[1], answer=3)
    with pytest.raises(RunDirectoryError, match="question 'q1' has changed"):
        run(tmp_path / "run", changed)
    assert status_of(RunDirectory(tmp_path / "run")).questions == 3
    assert world.requests


def test_a_recipe_that_would_change_records_is_refused_with_the_difference(world: World, tmp_path: Path) -> None:
    run(tmp_path / "run", questions(2))
    with pytest.raises(RunDirectoryError, match=r"stages\.verify\.temperature: was 0\.0, is now 0\.5(.|\n)*--fork"):
        run(tmp_path / "run", questions(2), recipe(verify={"temperature": 0.5}))
    assert world.requests


def test_a_fork_pays_only_for_what_changed(world: World, tmp_path: Path) -> None:
    old = run(tmp_path / "old", questions(4))
    paid = Counter(world.paid)
    made = recipe(summarize={"temperature": 0.1})
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in questions(4)), Selection())
    job = synthesis_job(intake, made, RunDirectory(tmp_path / "new"))
    asyncio.run(execute(dataclasses.replace(job, forks=(old,)), Watch()))
    again = world.paid - paid
    status = status_of(RunDirectory(tmp_path / "new"))
    assert status.stages["generate"].reused == status.stages["generate"].calls == 36
    assert status.stages["summarize"].reused == 0
    assert sum(again.values()) == status.calls - sum(stage.reused for stage in status.stages.values())


def test_a_folder_with_other_content_is_refused(world: World, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with pytest.raises(RunDirectoryError, match="is no run of reasonmed"):
        run(tmp_path / "run", questions(1))
    assert world.requests == 0


def test_a_run_in_use_is_refused_with_its_owner(world: World, tmp_path: Path) -> None:
    directory = run(tmp_path / "run", questions(1))
    with directory.writing(directory.manifest()), pytest.raises(RunDirectoryError, match=r"in use by pid \d+ on "):
        run(tmp_path / "run", questions(1))
    assert world.requests


def test_scores_of_a_sample_are_the_same_however_the_run_grew(world: World, tmp_path: Path) -> None:
    made = recipe(score={"sample": 3})
    run(tmp_path / "run", questions(4), made)
    grown = run(tmp_path / "run", questions(12), made)
    assert content(grown) == content(run(tmp_path / "fresh", questions(12), made))
    scored = grown.records_path.read_text().count('"scorer"')
    assert scored == 3
    assert world.requests


def test_an_error_of_our_own_leaves_everything_on_record(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(story: Story, team: Any) -> Story:
        raise ZeroDivisionError

    whole = content(run(tmp_path / "whole", questions(4)))
    paid = Counter(world.paid)
    with monkeypatch.context() as patch:
        patch.setattr("reasonmed.pipeline.synthesize.summarize", breaks)
        with pytest.raises(ZeroDivisionError):
            run(tmp_path / "run", questions(4))
    assert content(run(tmp_path / "run", questions(4))) == whole
    assert set((world.paid - paid).values()) == {1}


def test_a_copied_run_directory_is_a_run(world: World, tmp_path: Path) -> None:
    directory = run(tmp_path / "run", questions(3))
    shutil.copytree(directory.path, tmp_path / "moved")
    paid = world.requests
    assert content(run(tmp_path / "moved", questions(3))) == content(directory)
    assert world.requests == paid


def test_a_control_error_is_raised_with_its_reason(world: World, tmp_path: Path) -> None:
    world.stop_after = 5
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in questions(3)), Selection())
    with pytest.raises(ControlError, match="the service went away"):
        asyncio.run(execute(synthesis_job(intake, recipe(), RunDirectory(tmp_path / "run")), Watch()))


def test_a_retry_keeps_the_cap_of_the_last_session_unless_another_is_given(world: World, tmp_path: Path) -> None:
    made = recipe()
    priced = {
        name: entry.model_copy(update={"price": Price(input=1.0, output=1.0)}) for name, entry in made.models.items()
    }
    made = made.model_copy(update={"models": priced, "limits": made.limits.model_copy(update={"max_cost": 1.0})})
    run(tmp_path / "run", questions(2), made)
    raised = made.model_copy(update={"limits": made.limits.model_copy(update={"max_cost": 9.0})})
    directory = run(tmp_path / "run", questions(3), raised)
    assert job_of(directory).limits.max_cost == 9.0
    assert job_of(directory, made).limits.max_cost == 9.0
    assert job_of(directory, None, 12.0).limits.max_cost == 12.0
