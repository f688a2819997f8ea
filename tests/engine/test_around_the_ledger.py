"""What is around a ledger fails: no room for it, no room for what is made of it."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from reasonmed.engine.ledger import Ledger, repair
from reasonmed.errors import StorageFailed
from reasonmed.files import replacing


def failed(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR | 17 << 8, sqlite3.SQLITE_CANTOPEN])
def test_a_ledger_that_a_full_disk_keeps_from_being_read_is_not_taken_for_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path).close()
    before = path.read_bytes()
    (tmp_path / ".ledger.db.closed").unlink()

    def connect(*_: object, **__: object) -> sqlite3.Connection:
        raise failed(code)

    monkeypatch.setattr(sqlite3, "connect", connect)
    with pytest.raises(StorageFailed, match="Make room"):
        Ledger(path)
    with pytest.raises(StorageFailed, match="not damaged"):
        Ledger(path, read_only=True)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["ledger.db"]


def test_an_error_about_what_is_in_the_file_is_damage() -> None:
    assert not repair.is_of_the_disk(failed(sqlite3.SQLITE_CORRUPT))
    assert not repair.is_of_the_disk(failed(sqlite3.SQLITE_NOTADB))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_file_for_which_there_is_no_room_says_so_and_leaves_nothing(tmp_path: Path, code: int) -> None:
    def write() -> None:
        with replacing(tmp_path / "records.jsonl") as sink:
            sink.write(b"half")
            raise OSError(code, "no room")

    with pytest.raises(StorageFailed, match=r"records\.jsonl cannot be written: .* Make room"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_a_writer_whose_file_is_gone_fails_the_commit(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.write("INSERT INTO facts VALUES ('a', 'b')").result()
    (tmp_path / "ledger.db").rename(tmp_path / "other.db")
    with pytest.raises(StorageFailed, match="removed, moved or replaced"):
        ledger.write("INSERT INTO facts VALUES ('c', 'd')").result()
    ledger.close()


def test_a_writer_that_cannot_begin_fails_every_commit_and_nobody_waits_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path / "ledger.db")

    def connect(*_: object, **__: object) -> sqlite3.Connection:
        raise failed(sqlite3.SQLITE_CANTOPEN)

    monkeypatch.setattr(sqlite3, "connect", connect)
    for _ in range(2):
        with pytest.raises(StorageFailed, match="cannot be written"):
            ledger.write("INSERT INTO facts VALUES ('c', 'd')").result(timeout=5)
    ledger.close()
