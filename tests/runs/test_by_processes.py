"""A large run is checked, rebuilt and written by several processes: the same bytes as by one."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

import pytest

from reasonmed.engine.ledger import Range
from reasonmed.errors import RunDirectoryError
from reasonmed.runs.rebuild import rebuild
from reasonmed.runs.records import write_outputs
from runs import content

if TYPE_CHECKING:
    from reasonmed.runs.directory import RunDirectory


def test_ranges_hold_every_row_once_and_in_order(run26: RunDirectory) -> None:
    ledger = run26.reader()
    names = list(ledger.finished_rows(lambda row: row))
    for size in (1, 7, 26, 30):
        ranges = ledger.ranges(size)
        assert [row for one in ranges for row in ledger.finished_rows(lambda row: row, one)] == names
        assert [one.last for one in ranges[:-1]] == [one.behind for one in ranges[1:]]
        assert len(ranges) == -(-26 // size)
    assert not list(ledger.finished_rows(lambda row: row, Range(25, 25)))
    ledger.close()


def test_files_are_the_same_by_whomever_they_are_written(copied: RunDirectory, by_two: None) -> None:
    before = content(copied)
    copied.records_path.unlink()
    ledger = copied.reader()
    write_outputs(copied, ledger, copied.manifest())
    ledger.close()
    assert content(copied) == before


def test_a_rebuild_by_others_says_what_is_not_recorded(copied: RunDirectory, by_two: None) -> None:
    ledger = copied.reader()
    name = ledger.first_keys(20)[-1]
    ledger.close()
    with sqlite3.connect(copied.ledger_path) as connection:
        connection.execute("DELETE FROM calls WHERE question = ?", (name,))
    with pytest.raises(RunDirectoryError, match=rf"request of {name} is not recorded. Run it again"):
        asyncio.run(rebuild(copied))
