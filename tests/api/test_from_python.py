from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import interrupting
import numpy as np
import pandas as pd
import pytest

import reasonmed as rm
from reasonmed.questions import questions_in
from reasonmed.questions.given import as_file
from reasonmed.recipe.shipped import resource

EXAMPLES = resource("examples", "questions.json")
ROWS: list[dict[str, Any]] = json.loads(EXAMPLES.read_text(encoding="utf-8"))[:3]


def recipe_dict(**entry: Any) -> dict[str, Any]:
    """A recipe as a dict; the smallest that runs."""
    model = {"backend": "scripted", "model": "made-up", **entry}
    stages = {"generate": {"models": ["one"], "samples": 9, "temperatures": [0.7]}, "verify": {"model": "one"}}
    return {"models": {"one": model}, "stages": stages}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> rm.Run:
    """A finished run of three questions from a file."""
    file = tmp_path_factory.mktemp("first") / "questions.json"
    file.write_text(json.dumps(ROWS), encoding="utf-8")
    return rm.synthesize(file, recipe_dict(), out=file.parent / "run")


class DataSet:
    """Rows that come from nowhere but iterating, as those of a ``datasets.Dataset``."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(ROWS)


@pytest.mark.parametrize("given", ["dicts", "frame", "data set", "questions", "generator"])
def test_rows_of_every_kind_make_the_records_that_a_file_makes(given: str, first: rm.Run, tmp_path: Path) -> None:
    kinds: dict[str, Any] = {
        "dicts": ROWS,
        "frame": pd.DataFrame(ROWS),
        "data set": DataSet(),
        "questions": [one for one, _ in zip(questions_in(EXAMPLES), ROWS, strict=False)],
        "generator": (row for row in ROWS),
    }
    run = rm.synthesize(kinds[given], recipe_dict(), out=tmp_path / "run")
    assert (run.path / "records.jsonl").read_bytes() == (first.path / "records.jsonl").read_bytes()


def test_what_a_frame_lacks_is_none_and_leaves_integers_whole(tmp_path: Path) -> None:
    rows = [{**row, "year": 2020} for row in ROWS[:2]] + [{**ROWS[2], "context": "A note."}]
    run = rm.synthesize(pd.DataFrame(rows), recipe_dict(), out=tmp_path / "run")
    stories = {story.question.id: story.question for story in run.stories()}
    asked = [stories[row["id"]] for row in ROWS]
    assert [one.context for one in asked] == [None, None, "A note."]
    assert asked[0].meta["year"] == 2020


def test_arrays_and_moments_of_a_frame_are_lists_and_iso_texts() -> None:
    moments = [pd.Timestamp("2020-01-01"), pd.NaT]
    frame = pd.DataFrame({"options": [np.array(["x", "y"]), np.array(["z"])], "when": moments})
    with as_file(frame) as path:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert not Path(path.__fspath__()).exists()
    assert rows == [{"options": ["x", "y"], "when": "2020-01-01T00:00:00"}, {"options": ["z"], "when": None}]


def test_a_bad_row_is_named_by_its_number(tmp_path: Path) -> None:
    bad = [ROWS[0], {**ROWS[1], "answer": "nothing of it"}]
    with pytest.raises(rm.QuestionError, match=r"rows:2: answer: 'nothing of it' is not one of the options"):
        rm.synthesize(bad, "scripted", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert rm.synthesize(bad, recipe_dict(), out=tmp_path / "run", skip_bad=True).status().questions == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"train": ROWS}, r"a mapping \(train\) is no list of rows"),
        (7, "int is none of a path, a list of dicts"),
        ([{**ROWS[0], "made": {1}}, object()], "rows:2: cannot be written as JSON: object is no text"),
        ([], "rows: is empty"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns of the frame have one name: a"),
    ],
)
def test_what_is_no_rows_is_refused(given: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(rm.ReasonMedError, match=said):
        rm.synthesize(given, "scripted", out=tmp_path / "run")


def test_a_recipe_in_a_dict_says_all_its_problems(tmp_path: Path) -> None:
    broken = recipe_dict(nothing=1)
    broken["stages"]["verify"]["model"] = "two"
    with pytest.raises(rm.RecipeError) as raised:
        rm.synthesize(ROWS, broken, out=tmp_path / "run")
    assert len(raised.value.problems) == 2
    with pytest.raises(rm.RecipeError, match=r"stages\.verify: is missing"):
        rm.synthesize(
            ROWS, {**recipe_dict(), "stages": {"generate": {"models": ["one"], "samples": 9}}}, out=tmp_path / "run"
        )


def test_one_endpoint_is_a_recipe_with_it_in_every_role() -> None:
    made = rm.load_recipe(rm.endpoint("http://127.0.0.1:1/v1", "qwen3:8b"))
    assert made.used == ["model"]
    assert rm.load_recipe(made) is made


def test_the_same_call_again_asks_nothing(first: rm.Run) -> None:
    before = first.status()
    again = rm.synthesize(first.path.parent / "questions.json", recipe_dict(), out=first.path)
    assert again.status().calls == before.calls


def test_nothing_is_printed_unless_it_is_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "reasonmed"):
        rm.synthesize(ROWS, recipe_dict(), out=tmp_path / "run")
        assert capfd.readouterr() == ("", "")
        rm.synthesize(ROWS, recipe_dict(), out=tmp_path / "run")
    assert "already finished" in caplog.text
    rm.synthesize(ROWS, recipe_dict(), out=tmp_path / "run", progress=True)
    shown = capfd.readouterr()
    assert not shown.out
    assert "already finished" in shown.err


async def test_a_running_loop_stays_free(tmp_path: Path) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    run = await rm.asynthesize(ROWS, recipe_dict(), out=tmp_path / "run")
    ticking.cancel()
    assert ticks > 5
    assert run.status().state == "finished"


async def test_a_blocking_call_works_where_a_loop_runs(tmp_path: Path) -> None:
    assert rm.synthesize(ROWS, recipe_dict(), out=tmp_path / "run").status().unfinished == 0


def test_a_call_works_in_a_thread(tmp_path: Path) -> None:
    found: list[rm.Run] = []
    thread = threading.Thread(
        target=lambda: found.append(rm.synthesize(ROWS, recipe_dict(), out=tmp_path / "run")), name="own"
    )
    thread.start()
    thread.join()
    assert found[0].status().state == "finished"


@pytest.fixture
def interrupted() -> Iterator[dict[str, Any]]:
    """A recipe whose model gets an interrupt at its tenth request."""
    interrupting.asked.clear()
    yield recipe_dict(function="interrupting:answer")
    interrupting.interrupt.clear()


def _drained_and_resumed(recipe: dict[str, Any], folder: Path) -> None:
    drained = rm.open_run(folder).status()
    assert drained.state == "drained"
    assert drained.unfinished
    interrupting.interrupt.clear()
    done = rm.synthesize(EXAMPLES, recipe, limit=6, out=folder).status()
    assert done.state == "finished"
    keys = [(one.key, one.attempt) for one in interrupting.asked]
    assert len(keys) == len(set(keys))


def test_ctrl_c_ends_what_is_under_way_and_the_same_call_resumes(interrupted: dict[str, Any], tmp_path: Path) -> None:
    interrupting.interrupt.append(interrupting.ctrl_c)
    with pytest.raises(KeyboardInterrupt) as raised:
        rm.synthesize(EXAMPLES, interrupted, limit=6, out=tmp_path / "run")
    assert isinstance(raised.value.__cause__, rm.Drained)
    assert any(str(tmp_path / "run") in note for note in raised.value.__cause__.__notes__)
    _drained_and_resumed(interrupted, tmp_path / "run")


def test_a_canceled_task_drains_its_run(interrupted: dict[str, Any], tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.ensure_future(rm.asynthesize(EXAMPLES, interrupted, limit=6, out=tmp_path / "run"))

        def cancel() -> None:
            loop.call_soon_threadsafe(task.cancel)

        interrupting.interrupt.append(cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    _drained_and_resumed(interrupted, tmp_path / "run")


def test_a_second_ctrl_c_ends_at_once(interrupted: dict[str, Any], tmp_path: Path) -> None:
    def twice() -> None:
        interrupting.ctrl_c()
        threading.Timer(0.05, interrupting.ctrl_c).start()
        interrupting.interrupt[0] = interrupting.ctrl_c

    interrupting.interrupt.append(twice)
    with pytest.raises(KeyboardInterrupt):
        rm.synthesize(EXAMPLES, interrupted, limit=6, out=tmp_path / "run")
    assert rm.open_run(tmp_path / "run").status().unfinished


def test_a_variable_of_another_service_is_sent_only_where_that_was_agreed_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-secret-of-another-house")
    one = rm.endpoint("http://example.org/v1", "m", "ANTHROPIC_API_KEY")
    with pytest.raises(rm.UsageError, match=r"ANTHROPIC_API_KEY .* would be sent to http://example\.org"):
        rm.synthesize(ROWS, one, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_questions_that_may_identify_patients_are_refused_where_that_is_wanted(tmp_path: Path) -> None:
    row = {**ROWS[0], "context": "Mail jane.doe@clinic.org, MRN: 12345678."}
    with pytest.raises(rm.UsageError, match="may identify patients"):
        rm.synthesize([row], recipe_dict(), out=tmp_path / "run", phi="refuse")
    assert not (tmp_path / "run").exists()
