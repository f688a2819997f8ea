"""The real questions: every one is read, with the right key."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from question_files import found, write_lines

from reasonmed.questions._stray import without_stray

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = {"medmcqa": 1000, "medqa": 700, "medxpertqa": 150, "mmlu_medical": 971, "pubmedqa": 500}


@pytest.fixture(scope="module")
def rows(shared: Path) -> dict[str, list[dict[str, Any]]]:
    files = {name: (shared / "data" / f"{name}.jsonl").read_text(encoding="utf-8") for name in COUNTS}
    return {name: [json.loads(line) for line in content.splitlines()] for name, content in files.items()}


LETTERED = {"medmcqa-dev-6b86f0c4-8038-4e49-8789-2a288d123aa7"}
"""The one real question whose four options carry their letters, from A to D."""


def bare(row: dict[str, Any]) -> list[str]:
    """The options of a row, without their letters where the file has them."""
    return [option[3:] if row["id"] in LETTERED else option for option in row["options"]]


def is_special(row: dict[str, Any]) -> bool:
    """Whether an option's text is a letter of an option, as A to J, or a digit."""
    return any(re.fullmatch("[A-Ja-j0-9]", option) for option in row["options"])


@pytest.mark.parametrize("name", COUNTS)
def test_every_real_question_is_read_with_its_key_and_all_its_fields(shared: Path, name: str) -> None:
    path = shared / "data" / f"{name}.jsonl"
    good, bad = found(path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert not bad
    assert len(good) == len(rows) == COUNTS[name]
    for one, row in zip(good, rows, strict=True):
        assert one.id == row["id"]
        assert (one.stem, list(one.options)) == (without_stray(row["question"]), [*map(without_stray, bare(row))])
        assert one.answer == row["answer_index"]
        assert (one.context, one.source, one.license) == (row.get("context"), row["source"], row["license"])
        assert one.meta == row.get("meta", {})


def test_the_answers_text_alone_gives_the_same_key(tmp_path: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    several = [row for part in rows.values() for row in part]
    texts = [{name: value for name, value in row.items() if name != "answer_index"} for row in several]
    good, bad = found(write_lines(tmp_path / "texts.jsonl", texts))
    assert not bad
    assert [one.answer for one in good] == [row["answer_index"] for row in several]
    assert sum(map(is_special, several)) == 23


def test_the_key_alone_as_a_letter_gives_the_same_key_except_where_it_is_an_options_text(
    tmp_path: Path, rows: dict[str, list[dict[str, Any]]]
) -> None:
    several = [row for part in rows.values() for row in part if not is_special(row)]
    letters = [{**row, "answer_index": None, "answer": chr(65 + row["answer_index"])} for row in several]
    good, bad = found(write_lines(tmp_path / "letters.jsonl", letters))
    assert not bad
    assert [one.answer for one in good] == [row["answer_index"] for row in several]


def test_real_questions_without_ids_get_ids_of_their_own(tmp_path: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    several = [{**row, "id": None} for part in rows.values() for row in part]
    good, bad = found(write_lines(tmp_path / "nameless.jsonl", several))
    assert not bad
    assert len({one.id for one in good}) == 3321


def test_the_labelled_chains_are_questions_too(shared: Path) -> None:
    good, bad = found(shared / "data" / "cots" / "cots.jsonl")
    assert (len(good), bad) == (210, [])
    assert all(one.answer is not None for one in good)
