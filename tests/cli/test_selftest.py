"""The self-test: the shipped server with faults, the command, its verdict."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from reasonmed.recipe import load as load_recipe
from reasonmed.recipe.shipped import resource
from reasonmed.runs.selftest.check import at_server
from reasonmed.runs.selftest.server import FAULTS, FaultyServer, serving


def _selftest(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reasonmed", "selftest", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


def test_a_killed_run_of_the_users_recipe_ends_in_the_same_bytes(tmp_path: Path) -> None:
    done = _selftest("--kill", "--kills", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok  same bytes" in done.stdout
    assert "ok  a kill costs only what was under way" in done.stdout
    assert "NO " not in done.stdout


def test_a_recipe_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("models: 3\n", encoding="utf-8")
    done = _selftest("-r", "bad.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "models" in done.stderr


def test_every_model_of_the_recipe_is_sent_to_the_server_under_its_own_name() -> None:
    recipe = load_recipe(resource("recipes", "api.yaml"))
    moved = at_server(recipe, "http://127.0.0.1:1/v1")
    assert "https://" not in moved
    for name in recipe.used:
        assert recipe.model(name).identity in moved


async def test_the_server_draws_each_fault_about_as_often_as_it_says() -> None:
    server = FaultyServer({name: share for name, share in FAULTS.items() if name != "slow"}, latency=0.0, seed=3)
    body = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    statuses: Counter[str] = Counter()
    async with serving(server) as url, aiohttp.ClientSession() as session:
        for number in range(1500):
            try:
                async with session.post(f"{url}/chat/completions", json={**body, "seed": number}) as reply:
                    await reply.json()
                    statuses[str(reply.status)] += 1
            except (aiohttp.ClientError, ValueError) as error:
                statuses[type(error).__name__] += 1
    assert server.received >= 1500
    assert server.faults["429"] == pytest.approx(75, abs=30)
    assert server.faults["500"] == pytest.approx(30, abs=20)
    assert statuses["200"] == server.answered
    assert sum(server.faults.values()) + server.answered == server.received
