"""Runs whose requests go into batch jobs, at stand-ins of both providers with a clock that the tests move."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from batch_standins import DAY, AnthropicStandIn, MovedClock, OpenAIStandIn, Provider, entry, standing_in
from reasonmed import recipe as recipes
from reasonmed.errors import BudgetReached, CredentialRejected, ModelNotServed
from reasonmed.recipe import at_once, with_cap
from reasonmed.recipe.options import Recipe
from reasonmed.recipe.shipped import resource
from reasonmed.runs.commands.run import synthesis_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.estimate import estimate
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.progress import Watch
from reasonmed.runs.status import status_of
from reasonmed.types import Story
from runs import content, questions
from support import recipe

KINDS = (OpenAIStandIn, AnthropicStandIn)
ROWS = 3


def on(entries: dict[str, dict[str, Any]], **stages: Any) -> Recipe:
    """The scripted recipe with other models; a stage takes the only one, or the one that is named for it."""
    made = recipe().model_dump(mode="json", exclude_none=True)
    first = next(iter(entries))
    made["models"] = {**made["models"], **entries}
    made["limits"]["give_up"] = 5
    made["stages"]["route"] = {}
    made["stages"]["optimize"] |= {"blind": False, "max_tokens": 2000}
    made["stages"]["refine"]["max_tokens"] = 2000
    for name, options in made["stages"].items():
        if name == "generate":
            options["models"] = [stages.get(name, first)]
        elif "model" in options:
            options["model"] = stages.get(name, first)
        options.pop("blind_model", None)
    return recipes.parse(json.dumps(made), "test")


async def run(
    folder: Path, made: Recipe, clock: MovedClock | None = None, rows: int = ROWS, watch: Watch | None = None
) -> tuple[RunDirectory, Watch]:
    directory, watch = RunDirectory(folder), watch or Watch()
    intake = take_in(Path("q.jsonl"), lambda: (Story(one) for one in questions(rows)), Selection())
    await execute(synthesis_job(intake, made, directory), watch, heeds=False, clock=clock)
    return directory, watch


async def online(folder: Path, kind: type[Provider], rows: int = ROWS) -> tuple[bytes, bytes]:
    """The files of the same run without batches."""
    provider = kind(MovedClock().now)
    async with standing_in(provider) as address:
        directory, _ = await run(folder, on({"m": entry(provider, address, off=True)}), rows=rows)
    return content(directory)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[type[Provider], tuple[bytes, bytes]]:
    """The files of a run without batches, by provider."""
    return {kind: asyncio.run(online(tmp_path_factory.mktemp("online") / "run", kind)) for kind in KINDS}


Files = dict[type[Provider], tuple[bytes, bytes]]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_run_by_batches_has_the_bytes_of_one_online_at_half_the_price(
    kind: type[Provider], tmp_path: Path, alone: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_A_TEST", "a-key-of-a-test")
    clock = MovedClock()
    provider = kind(clock.now)
    async with standing_in(provider) as address:
        made = on({"m": {**entry(provider, address), "api_key_env": "OF_A_TEST"}})
        directory, watch = await run(tmp_path / "batch", made, clock)
    assert content(directory) == alone[kind]
    assert (provider.online, {*provider.paid.values()}) == (0, {1})
    status = status_of(directory)
    tokens = {name: (one.prompt_tokens, one.completion_tokens) for name, one in status.stages.items()}
    full = sum(asked * 1e-6 + written * 2e-6 for asked, written in tokens.values())
    assert status.spent_usd == pytest.approx(full / 2)
    assert {one.state for one in status.batches} == {"joined"}
    assert any("went to 127.0.0.1 as batch" in note for note in watch.notes)
    assert "a-key-of-a-test" in "".join(provider.keys)
    assert b"a-key-of-a-test" not in directory.ledger_path.read_bytes()


def troubled(batch: int, place: int, _: dict[str, Any]) -> str:
    """Everything that may become of a line, in a few batches."""
    fates = {(0, 0): "torn", (0, 1): "lost", (0, 2): "twice", (0, 3): "broken", (1, 0): "busy", (2, 1): "twice"}
    return fates.get((batch, place), "untried" if batch < 2 and place % 2 else "ok")


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_becomes_of_lines_the_records_are_those_of_a_run_online(
    kind: type[Provider], tmp_path: Path, alone: Files
) -> None:
    clock = MovedClock()
    provider = kind(clock.now)
    provider.fate = troubled
    async with standing_in(provider) as address:
        directory, watch = await run(tmp_path / "run", on({"m": entry(provider, address)}), clock)
    assert content(directory) == alone[kind]
    assert provider.paid.total() - len(provider.paid) == 2, "the lost line and the torn one alone are paid twice"
    assert any("to go again (" in note and "1 torn, 1 lost" in note for note in watch.notes), watch.notes
    assert any("1 repeated lines ignored" in note for note in watch.notes)


@pytest.mark.parametrize("kind", KINDS)
async def test_stragglers_are_sent_at_once_after_the_deadline_and_their_batch_is_canceled(
    kind: type[Provider], tmp_path: Path, alone: Files
) -> None:
    clock = MovedClock()
    provider = kind(clock.now, takes=10 * DAY)
    async with standing_in(provider) as address:
        directory, _ = await run(tmp_path / "run", on({"m": entry(provider, address, deadline=DAY)}), clock)
    assert content(directory) == alone[kind]
    assert {*provider.paid.values()} == {1}
    assert 0 < provider.online < len(provider.paid), "what a canceled batch had done is used"
    assert all(batch.canceled for batch in provider.batches.values())


@pytest.mark.parametrize(
    ("fate", "error", "words"),
    [
        ("rejected", ModelNotServed, "every request of batch"),
        ("key", CredentialRejected, "Check the key"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_provider_refuses_of_every_request_ends_the_run_and_nothing_of_it_is_recorded(
    kind: type[Provider], fate: str, error: type[Exception], words: str, tmp_path: Path
) -> None:
    clock = MovedClock()
    provider = kind(clock.now)
    provider.fate = lambda *_: fate
    async with standing_in(provider) as address:
        with pytest.raises(error, match=words):
            await run(tmp_path / "run", on({"m": entry(provider, address)}), clock, rows=1)
    with closing(RunDirectory(tmp_path / "run").reader()) as ledger:
        assert ledger.cost() == 0
        assert not [*ledger.totals()]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_filtered_line_is_that_requests_own_rejection(kind: type[Provider], tmp_path: Path) -> None:
    clock = MovedClock()
    provider = kind(clock.now)
    provider.fate = lambda batch, place, _: "filter" if (batch, place) == (0, 0) else "ok"
    async with standing_in(provider) as address:
        directory, _ = await run(tmp_path / "run", on({"m": entry(provider, address)}), clock, rows=2)
    assert status_of(directory).stages["generate"].rejected == 1


async def test_a_batch_that_fails_as_a_whole_is_reported_with_its_message(tmp_path: Path) -> None:
    clock = MovedClock()
    provider = OpenAIStandIn(clock.now)
    provider.fails = lambda _: {"code": "invalid_json_line", "line": 3, "message": "This line is not valid JSON."}
    async with standing_in(provider) as address:
        made = on({"m": entry(provider, address)})
        with pytest.raises(ModelNotServed, match=r"batch batch_1 of 3 requests failed.*line 3: This line is not valid"):
            await run(tmp_path / "run", made, clock, rows=1)
        provider.fails = lambda number: None if number else {"message": "x"}
        directory, _ = await run(tmp_path / "run", made, clock, rows=1)
    assert {*provider.paid.values()} == {1}
    assert status_of(directory).unfinished == 0


async def test_a_full_queue_makes_smaller_batches(tmp_path: Path) -> None:
    clock = MovedClock()
    provider = OpenAIStandIn(clock.now)
    full = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached for m"}
    provider.fails = lambda number: full if number == 0 else None
    async with standing_in(provider) as address:
        directory, watch = await run(tmp_path / "run", on({"m": entry(provider, address)}), clock, rows=2)
    assert status_of(directory).unfinished == 0
    assert [len(one.lines) for one in provider.batches.values()][:3] == [6, 3, 3]
    assert any("Enqueued token limit" in note for note in watch.notes)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_batch_of_another_run_is_refused(kind: type[Provider], tmp_path: Path) -> None:
    clock = MovedClock()
    provider = kind(clock.now)
    async with standing_in(provider) as address:
        made = on({"m": entry(provider, address)})

        def exchange(what: str) -> None:
            """The batch is another one since, as behind another account's key."""
            for batch in provider.batches.values():
                if what.startswith("POST"):
                    batch.extra = {**batch.extra, "metadata": {"reasonmed_batch": "other", "reasonmed_run": "other"}}
                    batch.lines = [("other-" + name, body) for name, body in batch.lines]

        provider.after = exchange
        with pytest.raises(ModelNotServed, match=r"batch \w+_1 at 127.0.0.1 is of another run.*--fork OLD"):
            await run(tmp_path / "run", made, clock, rows=1)
    with closing(RunDirectory(tmp_path / "run").reader()) as ledger:
        assert not [*ledger.totals()]


async def test_a_run_that_is_drained_says_what_is_under_way_and_the_next_session_picks_it_up(tmp_path: Path) -> None:
    clock = MovedClock()
    provider = OpenAIStandIn(clock.now, takes=DAY)
    async with standing_in(provider) as address:
        made = on({"m": entry(provider, address)})
        provider.before = lambda what: web.Response(status=401) if "batches/batch_" in what else None
        watch = Watch()
        with pytest.raises(CredentialRejected):
            await run(tmp_path / "run", made, clock, watch=watch)
        said = "9 requests in 1 batch are under way at 127.0.0.1; start the command again to pick them up"
        assert said in watch.notes
        (batch,) = status_of(RunDirectory(tmp_path / "run")).batches
        assert (batch.id, batch.state, batch.requests) == ("batch_1", "running", 9)
        provider.before = lambda _: None
        without = on({"m": entry(provider, address, off=True)})
        directory, _ = await run(tmp_path / "run", without, clock)
    assert status_of(directory).unfinished == 0
    assert {*provider.paid.values()} == {1}, "what is under way is waited for, also where batches are off since"
    assert len(provider.batches) == 1


async def test_stages_mix_both_wires_one_online_and_one_in_this_process(tmp_path: Path) -> None:
    clock = MovedClock()
    one, two = OpenAIStandIn(clock.now), AnthropicStandIn(clock.now)
    async with standing_in(one) as first, standing_in(two) as second:
        entries = {"a": entry(one, first), "b": entry(two, second), "c": {**entry(one, first, off=True), "model": "n"}}
        made = on(entries, verify="b", summarize="c", score="one", optimize="two")
        directory, _ = await run(tmp_path / "run", made, clock)
    stages = status_of(directory).stages
    assert status_of(directory).unfinished == 0
    assert (one.online, two.online) == (stages["summarize"].calls, 0)
    assert {batch.provider for batch in status_of(directory).batches} == {"127.0.0.1"}


async def test_batches_reserve_money_at_their_rate_and_end_a_run_that_has_none_left(tmp_path: Path) -> None:
    clock = MovedClock()
    provider = OpenAIStandIn(clock.now)
    async with standing_in(provider) as address:
        made = on({"m": entry(provider, address)})
        with pytest.raises(BudgetReached, match="raise --max-cost"):
            await run(tmp_path / "run", with_cap(made, 0.001), clock)
        assert not provider.batches
        directory, _ = await run(tmp_path / "run", with_cap(made, 0.012), clock)
    sizes = [len(batch.lines) for batch in provider.batches.values()]
    assert sizes[0] < ROWS * 3, "what may cost too much waits until the first replies are cheaper than feared"
    assert status_of(directory).unfinished == 0
    assert {*provider.paid.values()} == {1}


async def test_the_shipped_recipe_runs_at_stand_ins_and_mixes_batches_with_requests_at_once(tmp_path: Path) -> None:
    clock = MovedClock()
    one, two = OpenAIStandIn(clock.now), AnthropicStandIn(clock.now)
    made = yaml.safe_load(resource("recipes", "batch.yaml").read_text(encoding="utf-8"))
    async with standing_in(one) as first, standing_in(two) as second:
        for model in made["models"].values():
            model |= {"base_url": f"{first}/v1" if model["backend"] == "openai" else second, "api_key_env": None}
        made["models"] = {name: {**model, "price": {"input": 1, "output": 2}} for name, model in made["models"].items()}
        directory, _ = await run(tmp_path / "run", recipes.parse(json.dumps(made), "batch.yaml"), clock, rows=2)
    status = status_of(directory)
    assert (status.unfinished, {batch.state for batch in status.batches}) == (0, {"joined"})
    assert one.batches
    assert two.batches
    assert one.online >= 6, "three chains a question by deepseek"
    assert two.online == 0


async def test_azure_has_addresses_of_its_own(tmp_path: Path) -> None:
    clock = MovedClock()
    provider = OpenAIStandIn(clock.now)
    async with standing_in(provider) as address:
        azure = {"backend": "azure", "endpoint": address, "deployment": "d", "api_key_env": None, "batch": True}
        directory, _ = await run(tmp_path / "run", on({"m": azure}), clock, rows=1)
    assert status_of(directory).unfinished == 0
    asked = {path.split("_")[0].split("/file-")[0] for path in provider.paths if "content" not in path}
    assert {"POST /openai/files?api-version=2024-10-21", "POST /openai/batches?api-version=2024-10-21"} <= asked
    assert all("api-version=2024-10-21" in path for path in provider.paths)
    assert {batch.lines[0][1]["model"] for batch in provider.batches.values()} == {"d"}


async def test_a_plan_is_made_online_and_has_the_price_of_batches(tmp_path: Path) -> None:
    provider = OpenAIStandIn(MovedClock().now)
    async with standing_in(provider) as address:
        made = on({"m": entry(provider, address)})
        directory, _ = await run(tmp_path / "pilot", at_once(made), rows=2)
    assert not provider.batches
    spent = status_of(directory).spent_usd or 0.0
    found = estimate(directory, made, {"q0": "s", "q1": "s"}, {"s": 2})
    assert found.total.usd is not None
    assert found.total.usd.expected == pytest.approx(spent / 2)
    assert "generate" in found.batched
    assert found.hours.expected == 0
