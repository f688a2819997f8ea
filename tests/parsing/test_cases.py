"""Replies from public bug reports, read as `expected` says: a letter, nothing, or one of several readings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.answer import parse_answer, unread_ending
from reasonmed.parsing.judgment import parse_score, parse_verdict
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _rows(shared: Path, name: str) -> list[dict[str, Any]]:
    path = shared / "cases" / name
    if not path.exists():
        pytest.skip(f"there is no {path}: it holds replies that were misread once")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _answer(row: dict[str, Any]) -> str | None:
    found = parse_answer(row["input"], row["options"])
    return letter(found.option) if found else None


def _fits(row: dict[str, Any], read: object) -> bool:
    expected = row["expected"]
    return read in expected if isinstance(expected, list) else read == expected


def _judged(parse: Callable[[str], tuple[Any, str]], reply: str) -> object:
    try:
        return parse(reply)[0]
    except UnparsableReply:
        return None


def test_no_reply_is_read_as_another_option(shared: Path) -> None:
    read = [(row, _answer(row)) for row in _rows(shared, "answer.jsonl")]
    assert [(row["id"], row["input"], said) for row, said in read if said is not None and not _fits(row, said)] == []


def test_every_reply_is_read_as_expected(shared: Path) -> None:
    rows = _rows(shared, "answer.jsonl")
    assert [(row["id"], row["input"]) for row in rows if not _fits(row, _answer(row))] == []


def test_every_verdict_is_read_as_expected(shared: Path) -> None:
    read = [(row, _judged(parse_verdict, row["input"])) for row in _rows(shared, "verdict.jsonl")]
    assert [(row["id"], row["input"], said) for row, said in read if not _fits(row, said)] == []


def test_every_score_is_read_as_expected(shared: Path) -> None:
    rows = _rows(shared, "score.jsonl")
    read = [(row, _judged(lambda reply: parse_score(reply, 1, 10), row["input"])) for row in rows]
    assert [(row["id"], row["input"], said) for row, said in read if not _fits(row, said)] == []


def test_an_ending_against_the_key_is_read_as_that_or_as_unread(shared: Path) -> None:
    rows = [row for row in _rows(shared, "pipeline.jsonl") if row["expected"] == "never correct"]
    taken = []
    for row in rows:
        text, options = row["input"]["generate"], row["options"]
        found = parse_answer(text, options)
        if (found is None and not unread_ending(text, options)) or (found and letter(found.option) == row["key"]):
            taken.append(row["id"])
    assert rows
    assert taken == []
