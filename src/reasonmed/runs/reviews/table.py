"""Votes as a table for a spreadsheet: a row a vote, and no cell that the spreadsheet would take for a formula."""

from __future__ import annotations

import codecs
import csv
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reasonmed.documents import visible
from reasonmed.files import replacing
from reasonmed.questions.ids import question_of
from reasonmed.secrecy import conceal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from reasonmed.runs.reviews.placed import Placed
    from reasonmed.runs.reviews.votes import Fault

COLUMNS = (
    *("text", "question", "kind", "reviewer", "role", "at", "decision", "error_type", "reason", "faults"),
    *("key_is_wrong", "key", "ambiguous", "note", "edited_text", "edited_response"),
    *("stale", "drawn", "judge", "model"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
            "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
"""What a cell begins with that a spreadsheet computes."""
_LAST_SECOND = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def write_table(path: Path, rows: Iterable[Placed]) -> int:
    """Write a CSV file in UTF-8, with the byte order mark by which Excel knows that; returns the number of votes."""
    count = 0
    with replacing(path) as sink:
        lines = csv.writer(codecs.getwriter("utf-8-sig")(sink))
        lines.writerow(COLUMNS)
        for count, row in enumerate(rows, 1):  # noqa: B007 - the last number is the count
            lines.writerow(map(cell, _values(row)))
    return count


def cell(value: object) -> str:
    """A value as a cell; what a spreadsheet would compute begins with an apostrophe."""
    text = visible(conceal(str(value)))
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _values(row: Placed) -> list[object]:
    vote, target = row.vote, row.target
    return [
        vote.target,
        question_of(vote.target),
        "" if target is None else target.kind,
        vote.reviewer,
        vote.role,
        _time(vote.at),
        vote.decision,
        vote.error_type or "",
        vote.reason,
        "\n".join(_fault(one, row) for one in vote.faults),
        _yes(vote.key_is_wrong),
        vote.key,
        _yes(vote.ambiguous),
        vote.note,
        vote.text or "",
        vote.response or "",
        _yes(row.stale),
        vote.drawn,
        row.judged,
        "" if target is None else target.model,
    ]


def _fault(fault: Fault, row: Placed) -> str:
    """A marked step with its words, where the text is still there as it was read."""
    words = "" if row.target is None or row.stale else " ".join(row.target.text[fault.start : fault.end].split())
    said = ", ".join(filter(None, (fault.type, fault.note, words and f'"{words}"')))
    return f"{fault.start}-{fault.end}{': ' if said else ''}{said}"


def _yes(value: bool) -> str:  # noqa: FBT001 - a cell
    return "yes" if value else ""


def _time(at: float) -> str:
    """A time in UTC; empty where it is none that a calendar has."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if 0 <= at < _LAST_SECOND else ""
