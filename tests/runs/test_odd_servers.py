"""Oddities of servers, played to whole runs: the stand-in server answers, the case table says what must come of it."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from reasonmed import recipe as recipes
from reasonmed.backends import openai
from reasonmed.errors import ControlError, Overloaded, Unreachable
from reasonmed.exchange import Message, Request
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.types import Question, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.exchange import Completion

QUESTION = Question("q1", "A man with thyroid pain. Which drug?", ("Aspirin", "Warfarin", "Heparin", "Alteplase"), 0)
SENT_AGAIN = "asked again (service's fault)"
TAKEN = "taken as"
WAITS = re.compile(r"^(?:h_reset|r429_inf)")
"""Cases of long waits are played where waits are tested."""
LATER = re.compile(r"^(?:harmony|think_|redirect)|@")
"""So are cases of thinking, of redirects, and those that end by themselves."""


class Case(NamedTuple):
    name: str
    judge: bool
    expected: str


class Ended(NamedTuple):
    """How a run ended: the error that stopped it, its records and its failures."""

    error: ControlError | None
    records: list[dict[str, Any]]
    failures: list[dict[str, Any]]


def cases(path: Path) -> Iterator[Case]:
    with path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            name, _, role = row["case"].partition(" ")
            if not WAITS.search(name) and not LATER.search(name):
                yield Case(name, role == "(judge)", row["expected"])


@contextlib.contextmanager
def standin(script: Path) -> Iterator[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(script), "--port", str(port)])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(10)


def recipe_of(url: str, case: Case) -> recipes.Recipe:
    odd = {"backend": "openai", "base_url": url, "model": case.name}
    good = {**odd, "model": f"good-for-{case.name}"}
    return recipes.parse(
        json.dumps(
            {
                "models": {"writer": good if case.judge else odd, "judge": odd if case.judge else good},
                "stages": {
                    "generate": {"models": ["writer"], "temperatures": [0.7, 0.9]},
                    "verify": {"model": "judge"},
                    "route": {"easy": 0, "medium": 1, "dispute": False},
                    "rank": {"model": "judge", "keep": 1},
                },
                "limits": {"in_flight": 8, "give_up": 1.5},
            }
        )
    )


async def played(url: str, case: Case, folder: Path) -> Ended:
    directory = RunDirectory(folder)
    intake = take_in(Path("questions.jsonl"), lambda: iter([Story(QUESTION)]), Selection())
    error = None
    try:
        await execute(synthesis_job(intake, recipe_of(url, case), directory), Watch())
    except ControlError as stopped:
        error = stopped
    records, failures = (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []
        for path in (directory.records_path, directory.failures_path)
    )
    return Ended(error, records, failures)


def problem(case: Case, ended: Ended) -> str | None:
    """What is wrong with how a run ended; None where it is as it should be."""
    code, expected = ended.error.exit_code if ended.error else None, case.expected
    if case.judge and case.name == "cut_stop":  # what is left of the verdict has no reason
        return None if not ended.records and code is None else "a verdict without its reason was taken"
    if expected.startswith(("adapts", "verdict read", "nobody can know", "n/a")):
        return None if ended.records and code is None else "no record"
    if expected.startswith("stop at once"):
        adapted = case.name.startswith("p_") and ended.records
        return None if code in (2, 4) or adapted else f"exit {code}"
    if expected.startswith(("asked again, then", "cut text", "the request's own fault")):
        return None if not ended.records and code in (None, 2, 5) else f"exit {code}, {len(ended.records)} records"
    if expected.startswith("a cut verdict"):
        return None if code in (None, 5) else f"exit {code}"
    return f"no rule for {expected!r}"


@pytest.fixture(scope="module")
def table(shared: Path) -> list[Case]:
    path = shared / "cases" / "servers.tsv"
    if not path.is_file():
        pytest.skip("the cases are not at hand: they are in shared/cases")
    return list(cases(path))


@pytest.fixture(scope="module")
def address(shared: Path) -> Iterator[str]:
    script = shared / "cases" / "standin.py"
    if not script.is_file():
        pytest.skip("the stand-in server is not at hand: it is in shared/cases")
    with standin(script) as url:
        yield url


def test_odd_servers_end_a_run_as_they_should(table: list[Case], address: str, tmp_path: Path) -> None:
    chosen = [case for case in table if not case.expected.startswith((SENT_AGAIN, TAKEN))]
    assert len(chosen) > 30

    async def play() -> list[Ended]:
        return await asyncio.gather(
            *(played(address, case, tmp_path / str(number)) for number, case in enumerate(chosen))
        )

    ended = asyncio.run(play())
    wrong = [
        f"{case.name}{' (judge)' if case.judge else ''}: {found}; {one.error}"
        for case, one in zip(chosen, ended, strict=True)
        if (found := problem(case, one))
    ]
    assert not wrong, "\n".join(wrong)


async def test_faults_of_a_service_are_sent_again(table: list[Case], address: str) -> None:
    chosen = [case for case in table if case.expected.startswith(SENT_AGAIN)]
    assert len(chosen) > 20
    for case in chosen:
        with pytest.raises((Overloaded, Unreachable)):
            await asked(address, case)


async def test_good_replies_are_taken_in_whatever_wrapping(table: list[Case], address: str) -> None:
    chosen = [case for case in table if case.expected.startswith(TAKEN)]
    assert len(chosen) > 20
    for case in chosen:
        found = await asked(address, case)
        assert found.finish_reason == "stop", case
        assert len(found.text) > 50, case


async def asked(url: str, case: Case) -> Completion:
    endpoint = openai.connect(openai.Settings(backend="openai", base_url=url, model=case.name), 1)
    try:
        return await endpoint.complete(Request(model="m", messages=(Message("user", "Which drug?"),)))
    finally:
        await endpoint.aclose()
