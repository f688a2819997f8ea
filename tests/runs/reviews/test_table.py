"""Votes in a spreadsheet: every cell a text."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.runs.reviews import Fault, Target, Vote
from reasonmed.runs.reviews.placed import Placed
from reasonmed.runs.reviews.table import COLUMNS, cell, write_table
from reasonmed.types import Verdict
from support import question

_TARGET = Target("q1#1", "record", question(), "The liver.\nAnswer: B", None, "m", Verdict("correct"), "h")


def _row(**others: Any) -> Placed:
    given = {"target": "q1#1", "text_hash": "h", "reviewer": "Dr. A", "decision": "reject", "at": 0.0, **others}
    return Placed(Vote(**given), _TARGET)


def _cells(path: Path, *rows: Placed) -> list[dict[str, str]]:
    assert write_table(path, rows) == len(rows)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\uff1d1", '=cmd|" /C calc"!A0'])
def test_what_a_spreadsheet_would_compute_is_a_text(tmp_path: Path, text: str) -> None:
    row = _row(reviewer=text, role=text, reason=text, note=text, text=text, response=text)
    (cells,) = _cells(tmp_path / "votes.csv", row)
    for name in ("reviewer", "role", "reason", "note", "edited_text", "edited_response"):
        assert cells[name] == f"'{text}"


@settings(max_examples=100)
@given(st.text(max_size=20))
def test_no_cell_begins_as_a_formula_does(text: str) -> None:
    assert cell(text).lstrip(" ")[:1] not in {*"=+-@\t\r"}


def test_a_row_is_a_vote_with_all_that_it_says(tmp_path: Path) -> None:
    faults, note = (Fault(0, 10, "wrong_fact", "no"), Fault(11, 20)), 'say "so",\nÄrztin'
    row = _row(faults=faults, key_is_wrong=True, key="C", note=note, error_type="wrong_fact", drawn="audit")
    path = tmp_path / "votes.csv"
    (cells,) = _cells(path, row)
    assert path.read_bytes().startswith(b"\xef\xbb\xbftext,question,")
    assert tuple(cells) == COLUMNS
    assert cells["faults"] == '0-10: wrong_fact, no, "The liver."\n11-20: "Answer: B"'
    told = {name: cells[name] for name in ("text", "question", "kind", "at", "key_is_wrong", "key", "note", "stale")}
    assert told == {
        "text": "q1#1",
        "question": "q1",
        "kind": "record",
        "at": "1970-01-01T00:00:00+00:00",
        "key_is_wrong": "yes",
        "key": "C",
        "note": note,
        "stale": "",
    }
    assert (cells["judge"], cells["model"], cells["drawn"]) == ("correct", "m", "audit")


def test_a_vote_on_what_is_gone_and_a_time_of_no_calendar_are_rows_too(tmp_path: Path) -> None:
    gone = Placed(_row(at=-1e14, faults=(Fault(0, 5),)).vote, None)
    changed = _row(at=1e14, text_hash="old", faults=(Fault(0, 5),))
    cells = _cells(tmp_path / "votes.csv", gone, changed)
    assert [(one["stale"], one["at"], one["judge"], one["faults"]) for one in cells] == [
        ("yes", "", "", "0-5"),
        ("yes", "", "correct", "0-5"),
    ]
