"""Run directories that somebody else made: none of their code is imported, and what listens there may lie."""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from reasonmed.errors import RunDirectoryError
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.rebuild import rebuild
from reasonmed.runs.resume import job_of
from reasonmed.runs.socket import ask, socket_path
from reasonmed.runs.status import status_of
from runs import World, questions, run
from support import recipe


@pytest.fixture
def directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> RunDirectory:
    World(monkeypatch)
    return run(tmp_path / "run", questions(2))


def test_a_module_that_only_a_manifest_names_is_not_imported(
    directory: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "strangers_package"
    package.mkdir()
    (package / "backend.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    told = json.loads(directory.manifest_path.read_text(encoding="utf-8"))
    told["recipe"]["models"]["one"]["backend"] = "strangers_package.backend"
    directory.manifest_path.write_text(json.dumps(told), encoding="utf-8")
    for command in (lambda: job_of(directory), lambda: asyncio.run(rebuild(directory))):
        with pytest.raises(
            RunDirectoryError, match=r"models\.one: the back end 'strangers_package\.backend' .* -r RECIPE"
        ):
            command()
    assert "strangers_package" not in sys.modules
    assert asyncio.run(rebuild(directory, recipe())).identical
    with pytest.raises(RunDirectoryError, match=r"another recipe: stages\.rank\.keep: was 2, is now 1"):
        asyncio.run(rebuild(directory, recipe(rank={"keep": 1})))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "CREATE TRIGGER t AFTER INSERT ON sessions BEGIN DELETE FROM items; END",
            "a trigger 't', which no ledger has",
        ),
        ("ALTER TABLE totals RENAME COLUMN cost TO price", "its table totals has the columns"),
        ("UPDATE sessions SET started = 'long ago'", "Expected `float`, got `str`"),
        ("UPDATE totals SET cost = 9e999", "Expected `float` < 1"),
        ("UPDATE outcomes SET records = -1", ">= 0"),
        ("UPDATE facts SET value = 'nan' WHERE name = 'reserved_usd'", None),
        ("INSERT OR REPLACE INTO facts VALUES ('lost_usd', 'nan')", "the fact lost_usd"),
    ],
)
def test_a_ledger_says_what_in_it_is_wrong(directory: RunDirectory, statement: str, said: str | None) -> None:
    with closing(sqlite3.connect(directory.ledger_path)) as ledger:
        ledger.execute(statement)
        ledger.commit()
    if said is None:
        assert status_of(directory).questions == 2
        return
    with pytest.raises(RunDirectoryError, match=f"ledger.db.*{said}"):
        status_of(directory)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"[]\n", "is no run: Expected `object`"),
        (b'{"ok": 7}\n', "is no run"),
        (b"\xff\n", "is no run"),
        (b'{"ok": "never ends"', "does not answer"),
        (b"[" * 5_000_000, "does not answer"),
    ],
)
def test_whoever_listens_at_a_runs_socket_is_read_within_bounds(
    directory: RunDirectory, answer: bytes, said: str
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(socket_path(directory)))
        server.listen()

        def listen() -> None:
            line, _ = server.accept()
            with line:
                line.recv(1000)
                try:
                    line.sendall(answer)
                except BrokenPipeError:
                    return

        listener = threading.Thread(target=listen)
        listener.start()
        with pytest.raises(RunDirectoryError, match=said):
            ask(directory, {"do": "status"})
        listener.join()
