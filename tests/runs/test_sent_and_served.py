"""What an endpoint was really sent, and which model it really served, is in the ledger, in records and in notes."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from typer.testing import CliRunner

from reasonmed import recipe as recipes
from reasonmed.cli import app
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.rebuild import rebuild
from reasonmed.types import Story
from support import prose, question, reply, served, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = [question(name, 1, context=f"context of {name}") for name in ("q1", "q2")]


def recipe_of(url: str) -> recipes.Recipe:
    model = {"backend": "openai", "base_url": url, "model": "big", "limits": {"in_flight": 1}}
    return recipes.parse(
        json.dumps(
            {
                "models": {"m": model, "j": {**model, "model": "judge"}},
                "stages": {
                    "generate": {"models": ["m"], "temperatures": [0.7, 0.9]},
                    "verify": {"model": "j"},
                    "route": {"easy": 0, "medium": 1},
                    "rank": {"model": "j", "keep": 1},
                },
            }
        )
    )


async def run(folder: Path, name_of: Callable[[int], str], *, strict: bool) -> tuple[RunDirectory, list[str]]:
    """A run on an endpoint that serves the writer under a name by the number of the request; with what was noted."""
    asked = 0

    async def handle(received: web.Request) -> web.StreamResponse:
        nonlocal asked
        body = await received.json()
        if body["model"] == "judge":
            said = json.dumps({"score": 4, "justification": "clear"}) if '"score"' in str(body) else verdict()
            return reply(said)
        if strict and "temperature" in body:
            error = {"message": "Unsupported parameter: 'temperature'", "param": "temperature", "code": "unsupported"}
            return web.json_response({"error": error}, status=400)
        asked += 1
        answer: dict[str, Any] = json.loads(reply(prose("B")).text or "")
        return web.json_response({**answer, "model": name_of(asked)})

    directory, watch = RunDirectory(folder), Watch()
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in ROWS), Selection())
    async with served(handle) as url:
        await execute(synthesis_job(intake, recipe_of(url), directory), watch)
    return directory, watch.notes


def provenances(directory: RunDirectory) -> list[dict[str, Any]]:
    lines = directory.records_path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["provenance"] for line in lines]


async def test_records_say_what_was_sent_and_served_and_not_what_was_refused(tmp_path: Path) -> None:
    directory, _ = await run(tmp_path / "run", lambda _: "big-0613", strict=True)
    found = provenances(directory)
    assert len(found) == 2
    for one in found:
        assert one["sent"] == {"top_p": 0.9, "max_tokens": 8192, "json_schema": False}
        assert one["served"] == "big-0613"
        assert "temperature" not in one


async def test_records_of_an_endpoint_that_takes_everything_say_the_recipes_parameters(tmp_path: Path) -> None:
    directory, notes = await run(tmp_path / "run", lambda _: "big-0613", strict=False)
    for one in provenances(directory):
        assert one["temperature"] in (0.7, 0.9)
        assert "sent" not in one
    assert not [note for note in notes if "served" in note]


async def test_a_change_of_the_served_model_is_said_once(tmp_path: Path) -> None:
    _, notes = await run(tmp_path / "run", lambda number: "big-0613" if number < 3 else "big-1106", strict=False)
    told = [note for note in notes if "served" in note]
    assert told == ["big is now served as big-1106, before as big-0613: records say which (`served`)"]


async def test_records_say_what_judge_ranker_responder_and_scorer_were_sent(tmp_path: Path) -> None:
    drafts = count()

    async def handle(received: web.Request) -> web.StreamResponse:
        body = await received.json()
        if "top_p" in body or body.get("temperature"):
            error = {"message": "Unsupported parameter: 'temperature'", "param": "temperature", "code": "unsupported"}
            name = "top_p" if "top_p" in body else "temperature"
            return web.json_response({"error": {**error, "param": name}}, status=400)
        if "response_format" in body:
            return web.json_response({"error": {"message": "response_format is not supported"}}, status=400)
        text = str(body["messages"])
        if '"score"' in text:
            return reply(json.dumps({"score": 4, "justification": "It weighs every option."}))
        if "final reply" in text:
            return reply("The answer is B. Warfarin.")
        return reply(verdict() if '"verdict"' in text else f"Draft {next(drafts)}. {prose('B')}")

    def strict(url: str) -> recipes.Recipe:
        judge = {"model": "j", "temperature": 0.4}
        stages = {
            "generate": {"models": ["m"], "temperatures": [0.7, 0.9]},
            "verify": {**judge, "shuffle": True},
            "route": {"easy": 0, "medium": 1},
            "rank": {**judge, "keep": 1},
            "summarize": judge,
            "score": judge,
        }
        models = {name: {"backend": "openai", "base_url": url, "model": name} for name in ("m", "j")}
        return recipes.parse(json.dumps({"models": models, "stages": stages}))

    directory = RunDirectory(tmp_path / "run")
    intake = take_in(Path("questions.jsonl"), lambda: (Story(one) for one in ROWS), Selection())
    async with served(handle) as url:
        await execute(synthesis_job(intake, strict(url), directory), Watch())
    for one in provenances(directory):
        sent = {"max_tokens": 2000, "json_schema": False}
        assert one["verdict"]["sent"] == one["rank_sent"] == one["score_sent"] == sent
        assert one["response_sent"] == {"max_tokens": 1000, "json_schema": False}
        assert [said["sent"] for said in one["verdict"]["opinions"]] == [sent]
    shown = CliRunner().invoke(app, ["why", str(directory.path), "q1"]).output
    assert shown.count("sent: max_tokens 2000, json_schema False") > 2
    assert "sent: max_tokens 1000" in shown
    assert (await rebuild(directory)).identical


async def test_a_replay_gives_the_same_records(tmp_path: Path) -> None:
    directory, _ = await run(tmp_path / "run", lambda number: f"big-{number}", strict=True)
    assert (await rebuild(directory)).identical
