"""Killed at any moment, a run by batch jobs is picked up: nothing is paid for twice, and its records are the same."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from batch_standins import AnthropicStandIn, OpenAIStandIn, Provider, entry, standing_in_thread
from killed_at import Commands
from reasonmed.recipe.shipped import resource
from support import recipe

FILES = ("records.jsonl", "failures.jsonl")
MOST = 70
"""Changes of its folder that such a run makes, at least."""


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    with Commands() as found:
        yield found


def words(folder: Path, provider: Provider, address: str, **batch: float) -> list[str]:
    """The command line of a run at a stand-in."""
    made = recipe().model_dump(mode="json", exclude_none=True)
    made["models"] = {"m": entry(provider, address, **batch)}
    made["stages"] = {
        "generate": {"models": ["m"], "max_tokens": 500},
        "verify": {"model": "m"},
        "summarize": {"model": "m"},
    }
    (folder / "recipe.json").write_text(json.dumps(made), encoding="utf-8")
    file = resource("examples", "questions.json")
    return ["run", str(file), "--limit", "3", "-r", "recipe.json", "-o", "run", "--yes", "--max-failures", "100%"]


@pytest.mark.parametrize("kind", [OpenAIStandIn, AnthropicStandIn])
def test_killed_at_any_change_of_its_folder(
    kind: type[Provider], commands: Commands, tmp_path_factory: pytest.TempPathFactory
) -> None:
    alone = tmp_path_factory.mktemp("alone")
    with standing_in_thread(kind(time.time)) as address:
        ended = commands.run(alone, words(alone, kind(time.time), address, off=True))
    assert ended.code == 0, ended.shown

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
    @given(some.lists(some.integers(2, MOST), min_size=1, max_size=2))
    def killed(steps: list[int]) -> None:
        folder = tmp_path_factory.mktemp("killed")
        provider = kind(time.time, takes=0.1)
        with standing_in_thread(provider) as address:
            line = words(folder, provider, address, poll=0.02, wait=0.05)
            for step in steps:
                commands.run(folder, line, kill_at=step)
            ended = commands.run(folder, line)
        assert ended.code == 0, ended.shown
        assert {*provider.paid.values()} == {1}, steps
        for name in FILES:
            assert (folder / "run" / name).read_bytes() == (alone / "run" / name).read_bytes(), steps

    killed()
