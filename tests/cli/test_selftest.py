"""The self-test: the shipped server with faults, the command, its verdict."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from product import reasonmed_at
from reasonmed.recipe import load as load_recipe
from reasonmed.recipe.shipped import resource
from reasonmed.runs.selftest.check import at_server
from reasonmed.runs.selftest.server import FAULTS, FaultyServer, serving


def test_a_recipe_that_is_none_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("models: 3\n", encoding="utf-8")
    done = reasonmed_at(tmp_path, "selftest", "-r", "bad.yaml")
    assert done.code == 2
    assert "Traceback" not in done.err
    assert "models" in done.err


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
