"""A recipe of a stranger that names a credential of ours: nothing is sent before a person agrees."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from killed_at import Commands, Ended
from support import reply, served, verdict

if TYPE_CHECKING:
    from aiohttp import web

SECRETS = {"GITHUB_TOKEN": "ghp-of-mine-1", "MY_LAB_KEY": "lab-key-2", "OPENAI_API_KEY": "openai-key-3"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    question = {"question": "Which?", "options": ["a", "b", "c", "d"], "answer": "B"}
    (made / "q.json").write_text(json.dumps([question]), encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def commands() -> Iterator[Commands]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        with Commands() as made:
            yield made


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


async def _asked(commands: Commands, folder: Path, *words: str, variable: str) -> tuple[Ended, set[str]]:
    """How a command ended, and which keys a server got."""
    got: set[str] = set()

    async def answer(received: web.Request) -> web.StreamResponse:
        got.add(received.headers.get("Authorization", "").removeprefix("Bearer "))
        return reply(verdict())

    async with served(answer) as url:
        told = [*words, "--endpoint", url, "--model", "m", "--key-env", variable]
        return await asyncio.to_thread(commands.run, folder, told), got


RUN = ("run", "q.json", "-o", "run", "--max-failures", "100%")


@pytest.mark.parametrize("words", [RUN, ("doctor",), ("plan", "q.json"), ("evaluate", "q.json")])
async def test_a_credential_of_another_service_is_not_sent_unasked(
    commands: Commands, folder: Path, words: tuple[str, ...]
) -> None:
    ended, got = await _asked(commands, folder, *words, variable="GITHUB_TOKEN")
    assert ended.code == 2, ended.shown
    assert "GITHUB_TOKEN (named after GITHUB) would be sent to http://127.0.0.1:" in ended.shown
    assert "--yes" in ended.shown
    assert got == set()
    assert _names(folder) == {"q.json"}


@pytest.mark.parametrize(
    ("words", "variable"),
    [((*RUN, "--yes"), "GITHUB_TOKEN"), (("doctor",), "MY_LAB_KEY"), (("doctor",), "OPENAI_API_KEY")],
)
async def test_it_is_sent_where_a_person_agrees_and_a_name_of_ones_own_always(
    commands: Commands, folder: Path, words: tuple[str, ...], variable: str
) -> None:
    ended, got = await _asked(commands, folder, *words, variable=variable)
    assert ended.code == 0, ended.shown
    assert got == {SECRETS[variable]}
    assert ended.shown.count("sends to http://127.0.0.1:") == 1
    assert f"uses {variable}" in ended.shown
    assert SECRETS[variable] not in ended.shown


async def test_a_word_that_is_no_variable_is_not_repeated(commands: Commands, folder: Path) -> None:
    ended, got = await _asked(commands, folder, "doctor", variable="hunter2hunter")
    assert ended.code == 2
    assert "hunter2" not in ended.shown
    assert "may be a key" in ended.shown
    assert got == set()
