"""The extractor on chains of thought of three models whose answers were recorded with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from reasonmed.parsing.answer import parse_answer
from reasonmed.types import digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

READ = 69
READINGS = "8a155ee869f72df37a2eb85e5517cb34"
"""A hash of what is read from all 279 chains, in their order; a changed one needs a look at each difference."""

Reading = tuple[int | None, int | None]


def _option(text: str, options: Sequence[str]) -> int | None:
    found = parse_answer(text, options)
    return found.option if found else None


@pytest.fixture(scope="module")
def readings(shared: Path) -> list[Reading]:
    """For every recorded chain the option that was recorded, and the one that is read."""
    path = shared / "data" / "cots" / "cots.jsonl"
    if not path.exists():
        pytest.skip(f"there is no {path}: it holds the published chains of thought")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [
        (_option(f"Answer: {chain['predicted']}", row["options"]), _option(chain["text"], row["options"]))
        for row in rows
        for chain in row["cots"]
        if "predicted" in chain
    ]


def test_most_recorded_answers_are_read(readings: list[Reading]) -> None:
    assert len(readings) == 81
    assert sum(recorded == read for recorded, read in readings) >= 66


def test_no_recorded_answer_is_read_as_another_option(readings: list[Reading]) -> None:
    assert [(recorded, read) for recorded, read in readings if read is not None and read != recorded] == []


def test_every_published_chain_is_read_as_before(shared: Path) -> None:
    path = shared / "data" / "cots" / "cots.jsonl"
    if not path.exists():
        pytest.skip(f"there is no {path}: it holds the published chains of thought")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    read = [_option(chain["text"], row["options"]) for row in rows for chain in row["cots"]]
    assert len(read) == 279
    assert sum(option is not None for option in read) == READ
    assert digest(read) == READINGS
