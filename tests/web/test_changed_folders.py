"""Folders that change under a viewer: the page says what is wrong, and the server lives."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reasonmed.engine.ledger import Ledger
from reasonmed.runs.directory import RunDirectory
from web_pages import Client, viewed

PAGES = ("/", "/questions", "/compare")


@pytest.fixture
def folder(run26: RunDirectory, tmp_path: Path) -> Path:
    """A copy of the run."""
    return shutil.copytree(run26.path, tmp_path / "run", ignore=shutil.ignore_patterns("*view.db*"))


def _shown(client: Client, *more: str) -> dict[str, int]:
    return {path: client.get(path).status for path in (*PAGES, *more)}


def test_a_run_whose_folder_is_removed_is_said_to_be_gone_and_others_are_still_shown(
    folder: Path, run26: RunDirectory
) -> None:
    with viewed(folder, run26.path) as client:
        (question,) = [
            one for one in client.get("/questions?q=anatomy-01").text.split('"') if "/question/anatomy" in one
        ]
        shutil.rmtree(folder)
        client.library.catch_up()
        assert "is no run: nothing is there" in client.get("/").text
        assert "is no run: nothing is there" in client.get("/questions").text
        assert client.get(question.replace("&amp;", "&")).status == 500
        name = client.library.shown[1].name
        assert client.get(f"/?run={name}").status == 200
        assert "is no run" not in client.get(f"/questions?run={name}").text


def test_a_ledger_that_is_damaged_is_said_so(folder: Path) -> None:
    with viewed(folder) as client:
        with (folder / "ledger.db").open("r+b") as torn:
            torn.seek(0)
            torn.write(bytes(60_000))
        (folder / "ledger.db-wal").unlink(missing_ok=True)
        client.library.catch_up()
        answer = client.get("/")
        assert answer.status == 500
        assert "ledger.db is no ledger of reasonmed" in answer.text
        assert client.get("/questions").status == 200


def test_votes_that_are_torn_hide_no_run(folder: Path) -> None:
    (folder / "reviews.db").write_bytes(b"no file of votes" * 500)
    with viewed(folder) as client:
        assert client.get("/").status == 200
        answer = client.get("/questions")
        assert answer.status == 200 or "reviews.db" in answer.text


def test_another_run_in_the_same_place_is_read_from_its_beginning(
    folder: Path, run26: RunDirectory, tmp_path: Path
) -> None:
    other = _emptied(run26, tmp_path / "other", "DELETE FROM items WHERE id <> 'anatomy-01'")
    with closing(sqlite3.connect(other / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE sessions SET started = started + 60")
    with viewed(folder) as client:
        shutil.rmtree(folder)
        other.rename(folder)
        client.library.catch_up()
        page = client.get("/questions").text
        assert "1 question." in page
        assert "unfinished" in page


def _emptied(run26: RunDirectory, folder: Path, sql: str) -> Path:
    shutil.copytree(run26.path, folder, ignore=shutil.ignore_patterns("*view.db*"))
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        ledger.executescript(f"DELETE FROM outcomes; DELETE FROM scores; DELETE FROM calls; {sql}")  # noqa: S608 - ours
    return folder


def test_all_pages_of_a_run_without_a_question(run26: RunDirectory, tmp_path: Path) -> None:
    with RunDirectory(tmp_path / "run").writing(run26.manifest()) as ledger:
        assert isinstance(ledger, Ledger)
    with viewed(tmp_path / "run") as client:
        assert _shown(client) == dict.fromkeys(PAGES, 200)
        assert client.get("/question/q").status == 404
        assert "0 questions." in client.get("/questions?tier=easy&q=word&page=7&sort=wrong").text


@pytest.mark.parametrize("sql", ["DELETE FROM items WHERE id <> 'anatomy-01'", ""])
def test_all_pages_of_a_run_of_which_nothing_is_finished(run26: RunDirectory, tmp_path: Path, sql: str) -> None:
    with viewed(_emptied(run26, tmp_path / "run", sql)) as client:
        asked = ("/question/anatomy-01", "/questions?state=unfinished")
        assert _shown(client, *asked) == dict.fromkeys((*PAGES, *asked), 200)


def test_all_pages_of_a_run_of_one_question(run26: RunDirectory, tmp_path: Path) -> None:
    folder = shutil.copytree(run26.path, tmp_path / "run", ignore=shutil.ignore_patterns("*view.db*"))
    with closing(sqlite3.connect(folder / "ledger.db")) as ledger, ledger:
        for table, column in (("items", "id"), ("outcomes", "id")):
            ledger.execute(f"DELETE FROM {table} WHERE {column} <> 'anatomy-01'")  # noqa: S608 - ours
    with viewed(folder) as client:
        assert _shown(client, "/question/anatomy-01") == dict.fromkeys((*PAGES, "/question/anatomy-01"), 200)
        assert "1 question." in client.get("/questions").text
