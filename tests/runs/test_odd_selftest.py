"""The odd servers of the self-test: what they do to a recipe, and that a run which ends otherwise is shown."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from typer.testing import CliRunner

from reasonmed import recipe as recipes
from reasonmed.cli import app
from reasonmed.cli._console import INTERRUPTED
from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.recipe.shipped import resource
from reasonmed.runs.selftest.odd import play
from reasonmed.runs.selftest.odd_cases import CASES, always, error, first
from reasonmed.runs.selftest.odd_ends import SAME, stops
from support import recipe

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.selftest.odd import Played
    from reasonmed.runs.selftest.odd_cases import Case

QUICK = (
    "credit ended, as a 400",
    "redirect to another origin, 307",
    "half a text, unknown finish_reason",
    "byte order mark, NaN, 10**25 tokens",
    "one question: moderated, 403",
    "one question: a firewall's page, 403",
    "one question: a 400 that quotes its temperature",
    "no temperature, 400",
)
"""Cases of every ending that wait for little; all of them: tests/heavy."""


def small() -> Recipe:
    return recipe(
        generate={"models": ["one", "two"], "temperatures": [0.7, 0.9]},
        route={"easy": 1, "medium": 2},
        rank={"keep": 1},
        score=None,
    )


def played(folder: Path, cases: list[Case], made: Recipe | None = None) -> list[Played]:
    return asyncio.run(play(made or small(), resource("examples", "questions.json"), folder, cases=cases))


def test_names_of_cases_differ_also_as_parts_of_an_address() -> None:
    assert len({case.place for case in CASES}) == len(CASES) > 24
    assert {*QUICK} <= {case.name for case in CASES}


def test_a_run_ends_as_it_should_at_odd_servers(tmp_path: Path) -> None:
    found = played(tmp_path, [case for case in CASES if case.name in QUICK])
    assert [one.case.name for one in found if not one.ok] == []
    assert {one.ended.code for one in found} == {0, 2, 4, 5}


def test_a_run_that_ends_otherwise_is_found(tmp_path: Path) -> None:
    """Each way to end otherwise: another code, other words, other files, no end that can be resumed."""
    refused = always(error(402, "Nothing left."))
    template = CASES[0]
    wrong = [
        template._replace(name="other code", odd=refused, ends=stops(2, "Nothing left")),
        template._replace(name="other words", odd=refused, ends=stops(4, "something else")),
        template._replace(name="no end", odd=refused, ends=SAME),
        template._replace(name="no stop", odd=first(1, error(429, "Wait.")), ends=stops(4, "Wait")),
    ]
    assert [one.ok for one in played(tmp_path, wrong)] == [False] * 4


def test_an_oddity_that_no_request_draws_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    cases = [case for case in CASES if case.name == "a lower maximum of max_tokens"]
    content: Any = yaml.safe_load(resource("recipes", "scripted.yaml").read_text(encoding="utf-8"))
    for options in content["stages"].values():
        if "models" in options or "model" in options:
            options["max_tokens"] = 500
    (one,) = played(tmp_path, cases, recipes.parse(yaml.safe_dump(content), "test"))
    assert one.ok is None


def test_too_few_questions_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text('{"question": "Which?", "options": ["a", "b"], "answer": "a"}\n', "utf-8")
    with pytest.raises(UsageError, match="needs 3 or more"):
        asyncio.run(play(small(), tmp_path / "one.jsonl", tmp_path / "out", cases=CASES[:1]))


def test_a_recipe_that_fails_without_faults_says_so(tmp_path: Path) -> None:
    made = small()
    limits = made.limits.model_copy(update={"max_reply_mb": 0.0001})
    broken = made.model_copy(update={"limits": limits.model_copy(update={"give_up": 0.5})})
    with pytest.raises(ReasonMedError, match="without faults the recipe ends with exit code 5"):
        played(tmp_path, list(CASES[:1]), broken)


def test_the_command_shows_a_table_and_its_exit_code_says_whether_all_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["selftest", "--odd", "--case", "ended, 402", "--case", "201"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "2 odd servers: 2 as they should, 0 not" in done.output
    assert "answered 402" in " ".join(done.output.split())
    monkeypatch.setattr("reasonmed.runs.selftest.odd_cases.CASES", (CASES[0]._replace(ends=SAME),))
    done = CliRunner().invoke(app, ["selftest", "--odd"])
    assert done.exit_code == 1
    assert "1 odd servers: 0 as they should, 1 not" in done.output


@pytest.mark.parametrize("words", [["--odd", "--kill"], ["--odd", "--case", "no such oddity"]])
def test_options_that_make_no_sense_are_refused(words: list[str]) -> None:
    done = CliRunner().invoke(app, ["selftest", *words])
    assert isinstance(done.exception, UsageError)


def test_ctrl_c_ends_it_at_once(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "reasonmed", "selftest", "--odd"]
    where = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, cwd=tmp_path, env=where, stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 60
        while not any(tmp_path.glob("reasonmed-selftest-*/*/ledger.db")) and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, said
    assert b"Traceback" not in said
