"""The work of a shard in this process: what it begins with, what it copies, and whom it refuses."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exports import run_examples
from reasonmed import __version__
from reasonmed import recipe as recipes
from reasonmed.cluster.engines import AtEngines, Engine, Fault, connecting, fault_of
from reasonmed.cluster.limits import SharedLimits
from reasonmed.cluster.overview import Overview
from reasonmed.cluster.places import collect, deal, place_of, read_session, shards_in
from reasonmed.cluster.shard import Keys, Task, Work, begin_at, local_folder
from reasonmed.engine.ledger.copies import copy_ledger
from reasonmed.errors import BudgetReached, RequestRejected, RunDirectoryError, Unreachable
from reasonmed.exchange import Message, Request
from reasonmed.recipe.options import Recipe
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.shards import Shard
from reasonmed.runs.status import status_of
from support import recipe

OF = 2


class Near:
    """An actor in this process, called as Ray calls one."""

    def __init__(self, actor: object) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._actor, name)

        class Called:
            async def remote(self, *values: object) -> object:
                found = method(*values)
                return await found if asyncio.iscoroutine(found) else found

        return Called()


@pytest.fixture(autouse=True)
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The node's own disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A finished run of eight questions."""
    return run_examples(tmp_path_factory.mktemp("whole") / "run", 8)


@pytest.fixture
def unfinished(whole: RunDirectory, tmp_path: Path) -> RunDirectory:
    """The same with all replies and two outcomes."""
    shutil.copytree(whole.path, tmp_path / "run")
    with closing(sqlite3.connect(tmp_path / "run" / "ledger.db")) as ledger:
        ledger.execute("DELETE FROM outcomes WHERE rowid > 2")
        ledger.execute("DELETE FROM scores")
        ledger.commit()
    return RunDirectory(tmp_path / "run")


def dealt(run: RunDirectory) -> str:
    with run.writing(run.manifest()) as ledger:
        return deal(run, ledger, OF).token


def task(run: RunDirectory, token: str, number: int, cap: float | None = None, **others: Any) -> Task:
    limits = others.pop("limits", None) or SharedLimits(str(run.path), cap, 0.0, OF)
    chosen: Recipe = others.pop("recipe", recipe())
    chosen = chosen.model_copy(update={"limits": chosen.limits.model_copy(update={"max_cost": cap})})
    made = Task(
        version=__version__,
        run=str(run.path),
        shard=Shard(number, OF),
        token=token,
        recipe=chosen,
        keys=Keys(),
        forks=(),
        scores=True,
        copy_every=0.2,
        patience=0.0,
        limits=Near(limits),
        engines={},
    )
    return made._replace(**others)


def left_on(disk: Path) -> list[Path]:
    return [*disk.rglob("ledger.db")]


def facts_of(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as ledger:
        return dict(ledger.execute("SELECT name, value FROM facts"))


async def test_shards_make_the_whole_run_and_ask_nothing_that_is_recorded(
    unfinished: RunDirectory, whole: RunDirectory, disk: Path
) -> None:
    before = status_of(unfinished)
    token = dealt(unfinished)
    for number in (1, 2):
        work = Work(task(unfinished, token, number))
        assert await work.do() is None
        assert work.copies >= 1
        generated = work.watch.snapshot().stages["generate"]
        assert generated.from_ledger > 0
        assert generated.done == 0
    assert not left_on(disk), "nothing is left on the node"
    with unfinished.writing(unfinished.manifest()) as ledger:
        collect(unfinished, ledger, 0.0)
        assert ledger.count_pending() == 0
    found, one = status_of(unfinished), status_of(whole)
    assert before.unfinished == 6
    assert (found.records, found.tiers, found.chains) == (one.records, one.tiers, one.chains)
    assert found.stages["generate"].calls == one.stages["generate"].calls
    assert not shards_in(unfinished.path).exists()


async def test_a_session_that_was_killed_is_collected_with_its_money(unfinished: RunDirectory) -> None:
    token = dealt(unfinished)
    assert await Work(task(unfinished, token, 1)).do() is None
    session = read_session(unfinished.path)
    assert session.done == ["1-of-2"]
    limits = SharedLimits(str(unfinished.path), 5.0, 0.0, OF)
    limits.begin("2-of-2", "killed", None, 0.0)
    granted = limits.more("2-of-2", "killed", 0.5)
    with unfinished.writing(unfinished.manifest()) as ledger:
        pending = ledger.count_pending()
        collect(unfinished, ledger, 0.0)
        assert 0 < ledger.count_pending() < pending
        assert ledger.usd("lost_usd") == pytest.approx(granted), "what nobody accounts for counts as spent"


def test_a_folder_that_nodes_do_not_share_is_refused(unfinished: RunDirectory) -> None:
    dealt(unfinished)
    ended = asyncio.run(Work(task(unfinished, "another token", 1)).do())
    assert isinstance(ended, Fault)
    assert ended.kind is RunDirectoryError
    assert "all nodes must share it" in ended.message
    absent = task(unfinished, "token", 1)._replace(run=str(unfinished.path / "absent"))
    assert "all nodes must share it" in str(asyncio.run(Work(absent).do()))


def test_a_shard_that_a_living_process_has_is_refused_by_its_name(unfinished: RunDirectory) -> None:
    token = dealt(unfinished)
    with place_of(unfinished.path, Shard(1, OF)).lock():
        ended = asyncio.run(Work(task(unfinished, token, 1)).do())
        assert isinstance(ended, Fault)
        assert "1-of-2 is in use by pid" in ended.message
        with unfinished.writing(unfinished.manifest()) as ledger, pytest.raises(RunDirectoryError, match="in use by"):
            collect(unfinished, ledger, 0.0)
    assert asyncio.run(Work(task(unfinished, token, 1)._replace(version="0.0.1")).do()) is not None


def test_what_a_dead_actor_had_on_this_node_is_taken_up_and_its_money_too(unfinished: RunDirectory) -> None:
    token = dealt(unfinished)
    place = place_of(unfinished.path, Shard(1, OF))
    local = local_folder(str(unfinished.path), place)
    assert begin_at(local, place, token) is None
    with closing(sqlite3.connect(local.ledger_path)) as ledger:
        ledger.execute(
            "INSERT INTO outcomes SELECT id, NULL, 'no_chain', 0, 0, 0, 0, 0, 0, 0, story FROM items LIMIT 1"
        )
        facts = {"session": token, "holder": "h", "base_usd": "0.5", "lost_usd": "0.25", "state": "running"}
        ledger.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())
        ledger.commit()
    copy_ledger(local.ledger_path, place.ledger_path)
    with closing(sqlite3.connect(place.ledger_path)) as copied:
        copied.execute("DELETE FROM outcomes")
        copied.execute("UPDATE facts SET value = '0.0' WHERE name = 'lost_usd'")
        copied.commit()
    assert begin_at(local, place, token) == "h"
    with closing(local.reader()) as found:
        assert found.count_finished() == 1
        assert (found.usd("lost_usd"), found.usd("base_usd")) == (0.25, 0.5)
    shutil.rmtree(local.path)
    assert begin_at(local, place, token) is None, "a copy of a running ledger is not all that its holder had"
    assert facts_of(local.ledger_path)["holder"] == "h"


PRICED = """
models:
  m: {backend: scripted, price: {input: 1000, output: 1000}}
  j: {backend: scripted, model: other, price: {input: 1000, output: 1000}}
stages: {generate: {models: [m, j], temperatures: [0.5], max_tokens: 100}, verify: {model: j, max_tokens: 100},
  route: {easy: 0, medium: 1}, summarize: {model: m, max_tokens: 100}}
limits: {in_flight: 4}
"""


async def test_a_shard_stops_where_the_money_of_all_is_spent(unfinished: RunDirectory) -> None:
    priced = recipes.parse(PRICED)
    with closing(sqlite3.connect(unfinished.ledger_path)) as ledger:
        ledger.execute("DELETE FROM calls")
        ledger.execute("DELETE FROM totals")
        ledger.commit()
    manifest = unfinished.manifest()
    shutil.rmtree(unfinished.path / "x", ignore_errors=True)
    token = dealt(unfinished)
    limits = SharedLimits(str(unfinished.path), 2.0, 0.0, OF)
    for number in (1, 2):
        own = place_of(unfinished.path, Shard(number, OF))
        own.manifest_path.unlink()
        other = _manifest_of(priced, own, manifest)
        own.manifest_path.write_bytes(other)
        ended = await Work(task(unfinished, token, number, 2.0, recipe=priced, limits=limits)).do()
        assert isinstance(ended, Fault), "it finished"
        assert ended.kind is BudgetReached
    session = read_session(unfinished.path)
    assert 0.5 < sum(session.granted.values()) <= 2.0


def _manifest_of(priced: Recipe, own: RunDirectory, manifest: Any) -> bytes:
    import msgspec

    from reasonmed.recipe.identity import identity_of

    return msgspec.json.encode(msgspec.structs.replace(manifest, identity=identity_of(priced)))


async def test_an_engine_answers_for_all_and_hands_its_errors_on() -> None:
    settings = recipes.parse(PRICED).model("m")
    engine = Engine(settings, 4)
    near = AtEngines("m", [Near(engine), Near(Engine(settings, 4))])
    request = Request(model="scripted", messages=(Message("user", "Answer with A. B. C."),), stage="generate")
    assert (await near.complete(request)).text
    rejected = fault_of(RequestRejected("too long", "context", 400)).error()
    assert isinstance(rejected, RequestRejected)
    assert (str(rejected), rejected.kind, rejected.status) == ("too long", "context", 400)
    gone = fault_of(Unreachable("gone", "timeout", connected=False)).error()
    assert isinstance(gone, Unreachable)
    assert not gone.connected
    assert not isinstance(connecting({settings.identity: [Near(engine)]})(settings, 4), AtEngines), "it loads nothing"


def test_the_live_view_is_the_sum_of_the_shards(unfinished: RunDirectory) -> None:
    token, watch = dealt(unfinished), Overview(total=8, done_before=2, spent_before=0.0)
    works = [Work(task(unfinished, token, number)) for number in (1, 2)]
    for work in works:
        assert asyncio.run(work.do()) is None
        watch.shards[str(work)] = work.watch.snapshot()
    found, parts = watch.snapshot(), [*watch.shards.values()]
    assert found.done == 2 + sum(one.done for one in parts)
    assert found.stages["verify"].from_ledger == sum(one.stages["verify"].from_ledger for one in parts)
    assert {one.address for one in found.endpoints} == {"scripted"}
    assert found.endpoints[0].ceiling == sum(one.endpoints[0].ceiling for one in parts)
