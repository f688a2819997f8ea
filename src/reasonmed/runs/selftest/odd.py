"""Play odd servers to a user's own recipe: a run for each case, several at a time, and how each of them ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from reasonmed import recipe as recipes
from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.questions import Settings
from reasonmed.runs.commands.run import question_source, synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.selftest.check import at_server
from reasonmed.runs.selftest.odd_cases import CASES
from reasonmed.runs.selftest.odd_ends import Ended, Files
from reasonmed.runs.selftest.odd_server import OddServer, odd_serving
from reasonmed.types import Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.intake import Intake
    from reasonmed.runs.selftest.odd_cases import Case

QUESTIONS = 4
_FEWEST = 3
_AT_A_TIME = 6
_LONGEST = 60.0
"""Seconds after which a run is taken to hang."""
_HUNG, _CRASHED = 124, 70
_FAULTLESS = "without-faults"


class Played(NamedTuple):
    """A case and how its run ended; ``ok`` is None where the recipe sends nothing that draws the oddity."""

    case: Case
    ended: Ended
    ok: bool | None


class _Scene(NamedTuple):
    """What all cases share."""

    recipe: Recipe
    intake: Intake
    folder: Path
    server: OddServer
    address: str
    marked: str


async def play(
    recipe: Recipe,
    questions: Path,
    folder: Path,
    *,
    cases: Sequence[Case] = CASES,
    note: Callable[[Played], None] = lambda _: None,
) -> list[Played]:
    """Run a few questions on a server for each case; ``note`` hears of each as it ends.

    Raises:
        UsageError: there are too few questions.
        ReasonMedError: the recipe does not come to its end on a server without faults.
    """
    intake = take_in(questions, question_source(questions, Settings()), Selection(limit=QUESTIONS))
    stories = [one for one in intake.source() if isinstance(one, Story)][:QUESTIONS]
    if len(stories) < _FEWEST:
        raise UsageError(f"{questions} has {len(stories)} questions that can be used; --odd needs {_FEWEST} or more")
    marked = stories[1].question
    server = OddServer({case.place: case.odd for case in cases if case.odd}, marked.stem)
    turns = asyncio.Semaphore(_AT_A_TIME)
    with _no_proxy(), _own_signals():
        async with odd_serving(server) as address:
            scene = _Scene(recipe, intake, folder, server, address, marked.id)
            whole = await _whole(scene)

            async def one(case: Case, number: int) -> Played:
                async with turns:
                    found = await _played(scene, case, folder / str(number), whole)
                note(found)
                return found

            return await asyncio.gather(*(one(case, number) for number, case in enumerate(cases)))


async def _whole(scene: _Scene) -> Files:
    """The files of a run on a server without faults."""
    folder = scene.folder / _FAULTLESS
    code, said = await _run(scene, f"{scene.address}/{_FAULTLESS}/v1", folder, None)
    if code:
        raise ReasonMedError(f"on a server without faults the recipe ends with exit code {code}: {said}")
    return _files(folder)


async def _played(scene: _Scene, case: Case, folder: Path, whole: Files) -> Played:
    url = f"{scene.address}/{case.place}/v1"
    code, said = await _run(scene, url if case.odd else f"http://127.0.0.1:{_closed_port()}/v1", folder, case.give_up)
    files, resumed = _files(folder), None
    if code:
        scene.server.healed.add(case.place)
        await _run(scene, url, folder, None)
        resumed = _files(folder)
    ended = Ended(code, said, files, resumed, whole, scene.marked)
    met = case.odd is None or scene.server.odd[case.place] > 0
    return Played(case, ended, case.ends.holds(ended) and not scene.server.strayed if met else None)


async def _run(scene: _Scene, url: str, folder: Path, give_up: float | None) -> tuple[int, str]:
    """Run or resume; gives the exit code, and what was said where it is not 0."""
    made = recipes.parse(at_server(scene.recipe, url), "recipe")
    if give_up is not None:
        made = made.model_copy(update={"limits": made.limits.model_copy(update={"give_up": give_up})})
    try:
        async with asyncio.timeout(_LONGEST):
            await execute(synthesis_job(scene.intake, made, RunDirectory(folder)), Watch(), heeds=False)
    except TimeoutError:
        return _HUNG, f"it did not end within {_LONGEST:g} s"
    except ReasonMedError as stopped:
        return stopped.exit_code, str(stopped)
    except Exception as crash:  # noqa: BLE001 - shown as what came of the case
        return _CRASHED, f"{type(crash).__name__}: {crash}"
    return 0, ""


def _files(folder: Path) -> Files:
    directory = RunDirectory(folder)
    both = (directory.records_path, directory.failures_path)
    return Files(*(tuple(path.read_text(encoding="utf-8").splitlines()) if path.is_file() else () for path in both))


def _closed_port() -> int:
    """A port at which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _no_proxy() -> Iterator[None]:
    """No proxy stands between a run and a server on this machine."""
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    os.environ |= dict.fromkeys(before, "127.0.0.1")
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ctrl-C and SIGTERM end all runs at once, and not the one that began last."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, task.cancel if task else lambda: None)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
