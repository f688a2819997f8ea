"""What a run does with requests that an endpoint rejects: recorded, said, or none of it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from reasonmed import recipe as recipes
from reasonmed.cli import app
from reasonmed.errors import ControlError, CredentialRejected, ModelNotServed, RequestRejected, Unavailable
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.types import Story
from runs import World, content, questions, run
from support import recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.recipe.options import Recipe

SAID = "made-up-1 at http://host:1/v1 answered 400: no pills today"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasonmed.engine.flow.verdicts._STILL", 0.1)
    monkeypatch.setattr("reasonmed.engine.flow.verdicts._LOOK", 0.02)


def start(
    folder: Path, made: Recipe, count: int = 4, watch: Watch | None = None
) -> tuple[RunDirectory, ControlError | None]:
    """Run some questions; gives what stopped the run too."""
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in questions(count)), Selection())
    directory = RunDirectory(folder)
    try:
        asyncio.run(execute(synthesis_job(intake, made, directory), watch or Watch()))
    except ControlError as stopped:
        return directory, stopped
    return directory, None


def recorded(directory: RunDirectory, what: str = "error IS NOT NULL") -> int:
    with closing(directory.reader()) as ledger:
        return int(next(ledger.query(f"SELECT COUNT(*) FROM calls WHERE {what}"))[0])  # noqa: S608 - of this file


def refuse_generation_of(*names: str, status: int = 400) -> Any:
    def refuse(name: str, stage: str) -> None:
        if stage == "generate" and name in names:
            raise RequestRejected(SAID, "filter", status)

    return refuse


def test_a_run_that_is_rejected_from_the_start_records_nothing_and_completes_later(
    tmp_path: Path,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch)
        whole = content(run(tmp_path / "whole", questions(4)))
        world.refuse = refuse_generation_of(*(f"q{number}" for number in range(4)))
        directory, stopped = start(tmp_path / "run", recipe())
        assert isinstance(stopped, ModelNotServed)
        assert "no pills today" in str(stopped)
        assert recorded(directory, "1") == 0
        world.refuse = refuse_generation_of()
        again, stopped = start(tmp_path / "run", recipe())
        assert stopped is None
        assert content(again) == whole


def test_one_rejected_question_is_recorded_and_its_words_are_shown(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch)
        world.refuse = refuse_generation_of("q2")
        watch = Watch()
        directory, stopped = start(tmp_path / "run", recipe(), watch=watch)
        assert stopped is None
        again = content(start(tmp_path / "run", recipe())[0])
        assert again == content(directory)
    failures = [json.loads(line) for line in directory.failures_path.read_text().splitlines()]
    ((name, rejections),) = (
        (one["question_id"], one["story"]["rejections"]) for one in failures if "rejections" in one["story"]
    )
    assert name == "q2"
    assert {one["said"] for one in rejections} == {"made-up-1 answered 400: no pills today"}
    assert sum(one["requests"] for one in rejections) == recorded(directory)
    told = CliRunner().invoke(app, ["why", str(directory.path), "q2", "--full"])
    assert "no pills today" in told.output
    assert watch.control is not None
    assert {kind for _, kind in watch.control.meter.rejected} == {"filter"}
    assert watch.snapshot().last_error == SAID


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stop=st.integers(1, 120), refused=st.sets(st.integers(0, 3), max_size=1), shuffle=st.integers(0, 9))
def test_held_rejections_are_asked_again_after_a_stop_and_the_bytes_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, stop: int, refused: set[int], shuffle: int
) -> None:
    """Whatever was held when a session ended is nothing lost: another one asks again."""
    folder = tmp_path_factory.mktemp("held")
    names = [f"q{number}" for number in refused]
    with pytest.MonkeyPatch.context() as patch:
        world = World(patch, shuffle)
        world.refuse = refuse_generation_of(*names)
        whole, stopped = start(folder / "whole", recipe())
        if stopped is not None:  # the first replies were all rejections: that ends a run, and is tested elsewhere
            return
        world.stop_after = world.requests + stop
        start(folder / "run", recipe())
        world.stop_after = None
        directory, stopped = start(folder / "run", recipe())
        if stopped is None:
            assert content(directory) == content(whole)


@pytest.fixture(scope="module")
def stand_in() -> Iterator[str]:
    """The stand-in for odd servers; skipped where it is not at hand."""
    root = Path(os.environ.get("REASONMED_SHARED", Path(__file__).parents[3] / "shared"))
    script = root / "cases" / "standin.py"
    if not script.is_file():
        pytest.skip("the stand-in for odd servers is not at hand: set REASONMED_SHARED to the folder that holds cases/")
    port = 20_000 + os.getpid() % 20_000
    with subprocess.Popen([sys.executable, str(script), "--port", str(port)]) as process:
        url = f"http://127.0.0.1:{port}"
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{url}/cases", timeout=1).close()  # noqa: S310 - loopback
                break
            except OSError:
                time.sleep(0.05)
        yield f"{url}/v1"
        process.kill()


ENDS = [
    ("s400_empty", ModelNotServed, "answered 400", {}),
    ("s422", ModelNotServed, "answered 422", {}),
    ("s400_empty@after30", ModelNotServed, "none was answered since", {}),
    ("a402", CredentialRejected, "Insufficient Balance", {}),
    ("s500", Unavailable, "gave no usable reply for .* answered 500", {"give_up": 1.5}),
    ("r429_day", Unavailable, "daily limit", {"give_up": 1.5}),
    ("empty200", Unavailable, "empty200", {"give_up": 1.5}),
    ("h_reset_inf@first1", Unavailable, "asked to be left alone", {"give_up": 1.5, "in_flight": 1}),
    ("reset", Unavailable, "Is it running", {"give_up": 1800}),
    ("r429_nan@first3", None, "", {}),
    ("r429_plain@first3", None, "", {}),
    ("s503_loading@first3", None, "", {}),
    ("reset@first3", None, "", {}),
    ("h_reset_epoch@first1", None, "", {"in_flight": 1}),
]


@pytest.mark.parametrize(("case", "kind", "said", "limits"), ENDS, ids=[case for case, *_ in ENDS])
def test_an_odd_server_is_treated_as_it_should_be(
    tmp_path: Path, stand_in: str, case: str, kind: type[ControlError] | None, said: str, limits: dict[str, Any]
) -> None:
    entry = {"backend": "openai", "base_url": stand_in}
    stages = {
        "generate": {"models": ["a"], "temperatures": [0.7], "samples": 4, "max_tokens": 300},
        "route": {"easy": 0, "medium": 1},
        **{name: {"model": "judge", "max_tokens": 200} for name in ("verify", "rank", "refine", "summarize")},
        "optimize": {"model": "judge", "blind": False, "max_tokens": 200},
    }
    made = {"models": {"a": {**entry, "model": case}, "judge": {**entry, "model": "good"}}, "stages": stages}
    parsed = recipes.parse(json.dumps({**made, "limits": {"in_flight": 4, "give_up": 10, **limits}}), "test")
    directory, stopped = start(tmp_path / "run", parsed, count=24)
    assert recorded(directory) == 0, "no rejection of such a server is recorded"
    if kind is None:
        assert stopped is None
    else:
        assert isinstance(stopped, kind), repr(stopped)
        assert re.search(said, str(stopped)), str(stopped)
