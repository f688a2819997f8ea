"""Where an index is, and what happens to one that is torn, planted, held by another viewer, or of another version."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from reasonmed.errors import StorageFailed
from reasonmed.runs.directory import RunDirectory
from reasonmed.web.index import Index, Wanted
from reasonmed.web.index.place import cache_folder, cached
from reasonmed.web.sources import opened

QUESTIONS = 26


@pytest.fixture
def folder(run26: RunDirectory, tmp_path: Path) -> Path:
    """A copy of the run without an index."""
    return shutil.copytree(run26.path, tmp_path / "run", ignore=shutil.ignore_patterns("*view.db*"))


def _count(index: Index) -> int:
    index.catch_up()
    return index.find(Wanted("anatomy*"), {}).total + index.find(Wanted(), {}).total


def _whole(folder: Path) -> int:
    with closing(Index(opened(folder))) as index:
        return _count(index)


def _torn(path: Path) -> None:
    path.write_bytes(os.urandom(9_000))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def _scrambled(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: 4 * 4096] + os.urandom(len(content) - 4 * 4096))


def _older(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE notes SET value = '0' WHERE name = 'version'")


def _other(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE notes (whatever)")
        file.execute("INSERT INTO notes VALUES (1)")


@pytest.mark.parametrize("change", [_torn, _cut, _scrambled, _older, _other, lambda path: path.write_bytes(b"")])
def test_an_index_that_cannot_be_used_is_built_again(folder: Path, change: Callable[[Path], object]) -> None:
    before = _whole(folder)
    change(folder / "view.db")
    assert _whole(folder) == before


def test_an_index_that_is_torn_while_it_is_open_is_said_and_built_again(folder: Path) -> None:
    path = folder / "view.db"
    with closing(Index(opened(folder))) as index:
        index.catch_up()
        with closing(sqlite3.connect(path)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with path.open("r+b") as torn:
            torn.seek(4096)
            torn.write(os.urandom(path.stat().st_size - 4096))
        with pytest.raises(StorageFailed, match="it is being rebuilt"):
            index.find(Wanted("anatomy*"), {})
        assert _count(index) > QUESTIONS


@pytest.mark.parametrize("side", ["", "-wal", "-shm"])
def test_a_planted_link_is_taken_away_and_what_it_leads_to_is_left_alone(
    folder: Path, tmp_path: Path, side: str
) -> None:
    before = _whole(folder)
    treasure = tmp_path / "treasure"
    treasure.write_text("mine")
    place = folder / f"view.db{side}"
    place.unlink(missing_ok=True)
    place.symlink_to(treasure)
    assert _whole(folder) == before
    assert treasure.read_text() == "mine"
    assert not (folder / "view.db").is_symlink()


def test_a_name_that_another_file_has_too_is_not_written_to(folder: Path) -> None:
    (folder / "view.db").hardlink_to(folder / "ledger.db")
    before = (folder / "ledger.db").read_bytes()
    assert _whole(folder) > QUESTIONS - 1
    assert (folder / "ledger.db").read_bytes() == before


def _locked(folder: Path) -> None:
    (folder / ".view.db.lock").symlink_to("/dev/null")


def _occupied(folder: Path) -> None:
    (folder / "view.db" / "full").mkdir(parents=True)


def _read_only(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("permissions stop nobody here")
    folder.chmod(0o500)


@pytest.mark.parametrize("make", [_locked, _occupied, _read_only])
def test_a_folder_that_takes_no_index_gets_one_in_the_users_own_and_that_is_said(
    folder: Path, make: Callable[[Path], None]
) -> None:
    make(folder)
    with closing(Index(opened(folder))) as index:
        assert "cannot be written" in index.note
        assert str(cache_folder()) in index.note
        assert _count(index) >= QUESTIONS
    assert cached(folder / "view.db").is_file()
    assert cache_folder().stat().st_mode & 0o777 == 0o700
    folder.chmod(0o700)


def test_a_second_viewer_makes_an_index_of_its_own_which_goes_with_it(folder: Path) -> None:
    with closing(Index(opened(folder))) as first:
        with closing(Index(opened(folder))) as second:
            assert not first.note
            assert "another viewer" in second.note
            assert _count(first) == _count(second)
            left = [one for one in cache_folder().iterdir() if one.is_dir()]
            assert len(left) == 1
        assert not [one for one in cache_folder().iterdir() if one.is_dir()]
    with closing(Index(opened(folder))) as third:
        assert not third.note, "the first one is gone"


def test_an_index_is_not_built_again_for_nothing(folder: Path) -> None:
    _whole(folder)
    with closing(Index(opened(folder))) as index:
        assert index.state.size == QUESTIONS
