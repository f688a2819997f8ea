"""Parquet files, which need the extra."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Any

import pytest
from question_files import found, the_question, write_bytes

from reasonmed.errors import QuestionError
from reasonmed.questions import Settings, read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_parquet(path: Path, columns: Mapping[str, object], **how: Any) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table(columns), path, **how)
    return path


def test_a_missing_extra_says_its_pip_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = write_bytes(tmp_path / "f.parquet", b"PAR1 and more")
    with pytest.raises(
        QuestionError, match=r"f\.parquet: is parquet, which needs pyarrow: pip install 'reasonmed\[parquet\]'"
    ):
        list(read(path))


def test_rows_are_read_with_lists_and_lettered_options_and_nulls(tmp_path: Path) -> None:
    columns = {
        "question": ["One?", "Two?", None],
        "options": [{"A": "x", "B": "y", "C": "z"}, {"A": "x", "B": "y", "C": None}, {"A": "x", "B": "y", "C": "z"}],
        "answer_idx": ["C", "B", "A"],
        "year": [2020, None, 2021],
    }
    path = write_parquet(tmp_path / "f.parquet", columns, row_group_size=1)
    good, bad = found(path)
    assert [(one.stem, one.options, one.answer) for one in good] == [
        ("One?", ("x", "y", "z"), 2),
        ("Two?", ("x", "y"), 1),
    ]
    assert str(bad[0]) == f"{path}:3: question: is missing"


def test_a_float_key_and_values_of_other_types_are_kept(tmp_path: Path) -> None:
    day = dt.date(2020, 1, 2)
    columns = {
        "question": ["One?"],
        "options": [["x", "y"]],
        "answer_index": [1.0],
        "day": [day],
        "raw": [b"\xff"],
        "share": [float("nan")],
    }
    one = the_question(write_parquet(tmp_path / "f.parquet", columns))
    assert (one.answer, one.meta["day"], one.meta["raw"]) == (1, day, b"\xff")


def test_names_are_mapped_and_options_that_are_no_numbers_refused(tmp_path: Path) -> None:
    columns = {"Stem": ["One?", "Two?"], "options": [[1.5, 2.0], [1.5, float("nan")]], "Key": ["B", "A"]}
    path = write_parquet(tmp_path / "f.parquet", columns)
    good, bad = found(path, Settings(names={"question": "Stem", "answer": "Key"}))
    assert [(one.options, one.answer) for one in good] == [(("1.5", "2.0"), 1)]
    assert str(bad[0]) == f"{path}:2: options[1]: must be a text, not nan"


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_torn_file_is_an_error(tmp_path: Path, share: float) -> None:
    columns = {"question": [f"{number}?" for number in range(50)], "options": [["x", "y"]] * 50}
    path = write_parquet(tmp_path / "f.parquet", columns)
    whole = path.read_bytes()
    write_bytes(path, whole[: max(4, int(share * len(whole)))])
    _, bad = found(path)
    assert len(bad) == 1
    assert "is torn or no parquet" in str(bad[0])


def test_a_damaged_file_is_questions_or_errors(tmp_path: Path) -> None:
    columns = {"question": [f"{number}?" for number in range(50)], "options": [["x", "y"]] * 50}
    path = write_parquet(tmp_path / "f.parquet", columns, compression="none")
    whole = path.read_bytes()
    for at in range(4, len(whole), len(whole) // 60):
        write_bytes(path, whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert isinstance(found_or_refused(path), list)


def found_or_refused(path: Path) -> list[object]:
    try:
        return list(read(path))
    except QuestionError as refused:
        return [refused]
