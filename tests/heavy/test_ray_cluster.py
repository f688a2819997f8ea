"""A run on a real cluster of several nodes on this machine: workers, nodes and the driver are killed.

Every node has a folder for temporary files of its own, so that what one of them has on its disk is lost with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from reasonmed.cluster.places import held
from reasonmed.recipe.shipped import resource
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.selftest.server import FaultyServer, serving
from reasonmed.runs.status import status_of

if find_spec("ray") is None:
    pytest.skip("the package ray is not installed", allow_module_level=True)

KEY = "sk-thekeyofthecluster-4711"
IN_FLIGHT, SHARDS = 6, 3
UNRECORDED = 2 * IN_FLIGHT
"""What a killed process had open, and replies that it had not committed: the next requests are sent meanwhile."""
PRICE = "price: {input: 1, output: 4}"
RECIPE = """
models:
  a: {{backend: openai, base_url: {url}, model: a, api_key_env: CLUSTER_KEY, {price}}}
  b: {{backend: openai, base_url: {url}, model: b, {price}}}
  judge: {{backend: openai, base_url: {url}, model: judge, {price}}}
stages:
  generate: {{models: [a, b, judge], max_tokens: 2000}}
  verify: {{model: judge}}
  rank: {{model: judge}}
  refine: {{model: a, max_tokens: 2000}}
  optimize: {{model: b, max_tokens: 2000}}
  summarize: {{model: a, max_tokens: 200}}
  score: {{model: judge, sample: 20}}
limits: {{in_flight: {in_flight}, give_up: 60}}
ray: {{shards: {shards}, copy_every: 1}}
"""


class Counting(FaultyServer):
    """Remembers what was asked how often, with which keys, and what it cost."""

    def __init__(self) -> None:
        super().__init__({}, 0.3)
        self.reset()

    def reset(self) -> None:
        self.asked: Counter[bytes] = Counter()
        self.keys: set[str] = set()
        self.cost = 0.0
        self.answered = 0

    async def handle(self, received: web.Request) -> web.StreamResponse:
        body = await received.read()
        self.asked[body] += 1
        self.keys.add(received.headers.get("Authorization", ""))
        answer = await super().handle(received)
        if isinstance(answer, web.Response) and isinstance(answer.body, bytes):
            usage = json.loads(answer.body).get("usage", {})
            self.cost += (usage.get("prompt_tokens", 0) + 4 * usage.get("completion_tokens", 0)) / 1e6
        return answer

    @property
    def repeated(self) -> int:
        return sum(self.asked.values()) - len(self.asked)


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[Counting, str]]:
    counting, loop = Counting(), asyncio.new_event_loop()
    url, ready, over = [""], threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with serving(counting) as url[0]:
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    yield counting, url[0]
    loop.call_soon_threadsafe(over.set)
    thread.join()
    loop.close()


class Nodes:
    """A head without CPUs, and workers that come and go."""

    def __init__(self, root: Path) -> None:
        from ray.cluster_utils import Cluster

        self._root, self._count = root, 0
        head = {"num_cpus": 0, "object_store_memory": 80 << 20, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address
        self.logs = Path(self._cluster.head_node.get_session_dir_path())
        self._nodes: dict[Path, Any] = {}
        for _ in range(SHARDS):
            self.add()
        self._cluster.wait_for_nodes(60)

    def add(self) -> None:
        self._count += 1
        disk = self._root / f"disk{self._count}"
        disk.mkdir()
        found = self._cluster.add_node(
            wait=False, num_cpus=2, num_gpus=1, object_store_memory=80 << 20, env_vars={"TMPDIR": str(disk)}
        )
        self._nodes[disk] = found

    def disk_of(self, shard: int) -> Path:
        """The disk of the node that works on a shard now."""
        found = [one for one in self._nodes if [*one.glob(f"reasonmed-*/*/{shard}-of-{SHARDS}/ledger.db")]]
        return max(found, key=lambda one: max(file.stat().st_mtime for file in one.rglob("ledger.db-wal")))

    def kill(self, disk: Path) -> None:
        self._cluster.remove_node(self._nodes.pop(disk), allow_graceful=False)

    def end(self) -> None:
        self._cluster.shutdown()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # nodes at 127.0.0.1; read when ray is imported
        nodes = Nodes(tmp_path_factory.mktemp("disks"))
        yield nodes
        nodes.end()


class Bench(NamedTuple):
    """Everything that a test of this file needs."""

    folder: Path
    server: Counting
    cluster: Nodes
    one: Path
    """The run of one process."""

    def command(self, *words: str) -> list[str]:
        questions = str(resource("examples", "questions.json"))
        own = ["run", questions, "-r", str(self.folder / "recipe.yaml"), "--max-failures", "100%", *words]
        return [sys.executable, "-m", "reasonmed", *own]

    def start(self, *words: str) -> subprocess.Popen[str]:
        self.server.reset()
        return subprocess.Popen(
            self.command("-o", str(self.folder / "run"), "--ray", self.cluster.address, *words),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "CLUSTER_KEY": KEY, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"},
            cwd=self.folder,
        )

    def wait(self, started: subprocess.Popen[str], code: int = 0) -> str:
        said, _ = started.communicate(timeout=300)
        assert started.returncode == code, said[-3000:]
        return said

    def pid_of(self, shard: int) -> int:
        return int((self.folder / f"run/shards/{shard}-of-{SHARDS}/run.lock").read_text().split()[1])

    def has_copied(self, shard: int) -> bool:
        """Whether a shard is under way, with replies in its copy."""
        copy = self.folder / f"run/shards/{shard}-of-{SHARDS}/ledger.db"
        return copy.exists() and 10 < calls_in(copy) < 60

    def check_same(self) -> None:
        for name in ("records.jsonl", "failures.jsonl"):
            assert (self.folder / "run" / name).read_bytes() == (self.one / name).read_bytes(), name
        found, whole = (status_of(RunDirectory(path)) for path in (self.folder / "run", self.one))
        assert (found.state, found.questions, found.records, found.tiers) == (
            "finished", whole.questions, whole.records, whole.tiers,
        )  # fmt: skip
        assert not (self.folder / "run/shards").exists()


@pytest.fixture(scope="session")
def one(server: tuple[Counting, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run in one process."""
    counting, url = server
    folder = tmp_path_factory.mktemp("one")
    counting.latency = 0.0
    (folder / "recipe.yaml").write_text(RECIPE.format(url=url, price=PRICE, in_flight=32, shards=1))
    words = ["-r", "recipe.yaml", "--max-failures", "100%", "-o", "run"]
    subprocess.run(
        [sys.executable, "-m", "reasonmed", "run", resource("examples", "questions.json"), *words],
        check=True,
        capture_output=True,
        cwd=folder,
        env={**os.environ, "CLUSTER_KEY": KEY},
        timeout=120,
    )
    counting.latency = 0.3
    assert counting.repeated == 0
    return folder / "run"


@pytest.fixture
def bench(tmp_path: Path, server: tuple[Counting, str], cluster: Nodes, one: Path) -> Bench:
    counting, url = server
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(url=url, price=PRICE, in_flight=IN_FLIGHT, shards=SHARDS))
    return Bench(tmp_path, counting, cluster, one)


def until(condition: Callable[[], bool], started: subprocess.Popen[str]) -> None:
    for _ in range(2400):
        if condition():
            return
        assert started.poll() is None, started.communicate()[0][-3000:]
        time.sleep(0.05)
    raise AssertionError("it never came to that")


def calls_in(ledger: Path) -> int:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM calls").fetchone()[0])


def uncopied(disks: list[Path], run: Path) -> int:
    """Recorded on nodes, and not in the run's folder."""
    there = {file.parent.name: calls_in(file) for disk in disks for file in disk.glob("reasonmed-*/*/*-of-*/ledger.db")}
    return sum(count - calls_in(run / "shards" / name / "ledger.db") for name, count in there.items())


def test_a_killed_worker_costs_what_was_open_and_no_key_is_written_down(bench: Bench) -> None:
    started = bench.start()
    until(lambda: bench.has_copied(1), started)
    live = status_of(RunDirectory(bench.folder / "run"))
    os.kill(bench.pid_of(1), signal.SIGKILL)
    said = bench.wait(started)
    assert "shard 1/3 was lost" in said
    assert live.state == "running"
    assert live.calls > 0, "the run's folder is read while shards work"
    bench.check_same()
    assert bench.server.repeated <= UNRECORDED, "what is on the disk of the node is not asked again"
    assert f"Bearer {KEY}" in bench.server.keys
    found = subprocess.run(
        ["grep", "-rl", KEY, bench.cluster.logs, bench.folder], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
    assert KEY not in said


def test_a_killed_node_costs_what_it_had_not_copied(bench: Bench) -> None:
    started = bench.start()
    until(lambda: bench.has_copied(2), started)
    disk = bench.cluster.disk_of(2)
    bench.cluster.kill(disk)
    gone = uncopied([disk], bench.folder / "run")
    bench.cluster.add()
    bench.wait(started)
    bench.check_same()
    on_node = len([*disk.glob("reasonmed-*/*/*-of-*/ledger.db")])
    assert bench.server.repeated <= gone + on_node * UNRECORDED


def test_a_killed_driver_is_started_again(bench: Bench) -> None:
    started = bench.start()
    until(lambda: bench.server.answered > 150, started)
    pids = [bench.pid_of(number) for number in range(1, SHARDS + 1)]
    started.kill()
    started.communicate()
    asked = bench.server.asked
    again = bench.start()
    bench.server.asked = asked
    said = bench.wait(again)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids), "actors end with their driver"
    bench.check_same()
    assert bench.server.repeated <= SHARDS * (UNRECORDED + 3 * IN_FLIGHT / bench.server.latency), said


def test_the_budget_is_held_though_workers_die(bench: Bench) -> None:
    whole = status_of(RunDirectory(bench.one)).spent_usd or 0.0
    cap = whole / 2
    started = bench.start("--max-cost", f"{cap:.6f}")
    until(lambda: bench.has_copied(3), started)
    os.kill(bench.pid_of(3), signal.SIGKILL)
    said = bench.wait(started, 3)
    assert "raise --max-cost" in said
    assert 0.3 * cap < bench.server.cost <= cap
    found = status_of(RunDirectory(bench.folder / "run"))
    assert found.state == "drained"
    assert (found.spent_usd or 0.0) + found.lost_usd <= cap * 1.0001
    bench.wait(bench.start("--max-cost", f"{3 * whole:.6f}"))
    bench.check_same()


def test_a_shard_of_a_living_process_is_refused_by_name(bench: Bench) -> None:
    started = bench.start()
    lock = bench.folder / "run/shards/1-of-3/run.lock"
    until(lambda: lock.exists() and bench.server.answered > 30, started)
    started.kill()
    started.communicate()
    with held(RunDirectory(lock.parent), 60):
        said = bench.wait(bench.start(), 2)
    assert f"1-of-3 is in use by pid {os.getpid()}" in said
    assert bench.server.asked == {}
    bench.wait(bench.start())
    bench.check_same()


LOADED = """
import os
from pathlib import Path

from reasonmed.backends import ModelSettings
from reasonmed.backends.scripted import Scripted, made_up


class Settings(ModelSettings):
    loads = True
    pids: Path

    @property
    def identity(self):
        return "loaded"


def connect(settings, connections):
    with settings.pids.open("a") as file:
        file.write(f"{os.getpid()} GPU {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n")
    return Scripted(made_up)
"""


def test_the_shipped_recipe_runs_and_a_model_in_process_is_loaded_once_for_all_shards(bench: Bench) -> None:
    (bench.folder / "ours").mkdir()
    (bench.folder / "ours/__init__.py").touch()
    (bench.folder / "ours/loaded.py").write_text(LOADED)
    url = next(line for line in (bench.folder / "recipe.yaml").read_text().split() if line.startswith("http"))
    text = resource("recipes", "ray.yaml").read_text(encoding="utf-8")
    text = re.sub(r"base_url: (\[.*?\]|[^,]+)", f"base_url: {url.rstrip(',')}", text)
    text = re.sub(r"\n  judge: .*", f"\n  judge: {{backend: ours.loaded, pids: {bench.folder}/pids}}", text)
    text = text.replace("shards: 8", f"shards: {SHARDS}").replace("copy_every: 30", "copy_every: 2")
    text = text.replace("  # engines: {judge: {num_gpus: 4, copies: 2}}", "  engines: {judge: {num_gpus: 1}}")
    (bench.folder / "recipe.yaml").write_text(text)
    pids = bench.folder / "pids"
    bench.wait(bench.start())
    (loaded,) = pids.read_text().splitlines()  # one actor has the model, and neither a shard nor the driver has
    assert loaded.endswith("GPU 0")
    done = subprocess.run(
        bench.command("-o", str(bench.folder / "alone")),
        cwd=bench.folder,
        env={**os.environ, "PYTHONPATH": str(bench.folder)},
        capture_output=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    bench._replace(one=bench.folder / "alone").check_same()
    wanting = text.replace("num_gpus: 1", "num_gpus: 4")
    (bench.folder / "recipe.yaml").write_text(wanting)
    assert "1 x 4 GPUs are wanted, and the cluster has 3" in bench.wait(bench.start(), 2)
