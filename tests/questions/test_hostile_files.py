"""Question files that nobody means well with: refused with the reason, in little time and memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from question_files import found, row, the_error, write_bytes, write_lines

from reasonmed.errors import QuestionError
from reasonmed.questions import read

TWICE = '{"question": "Which?", "options": ["a", "b"], "answer": "a", "answer": "b"}'


def refusal(path: Path) -> str:
    with pytest.raises(QuestionError) as refused:
        list(read(path))
    return str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        f"{json.dumps(row())}\n{TWICE}",
        f"[{json.dumps(row())}, {TWICE}]",
        json.dumps(row()) + "\n" + TWICE.replace("answer", "\\u0061nswer", 1),
        f"{json.dumps(row())}\n" + json.dumps(row(meta=5)).replace("5", '{"a": [{"b": 1, "b": 2}]}'),
    ],
)
def test_a_row_with_a_key_twice_is_a_bad_row_and_the_others_are_read(tmp_path: Path, content: str) -> None:
    good, bad = found(write_bytes(tmp_path / "f.jsonl", content))
    assert len(good) == 1
    assert "twice in one object" in bad[0].problem


def test_a_single_row_over_several_lines_with_a_key_twice_is_refused(tmp_path: Path) -> None:
    path = write_bytes(tmp_path / "f.json", TWICE.replace(",", ",\n"))
    assert "the key 'answer' twice" in the_error(path).problem


@pytest.mark.parametrize("head", [b"", json.dumps(row()).encode() + b"\n", b'{"question": "', b'[{"question": "a'])
def test_a_line_or_value_of_three_gigabytes_is_refused_by_its_size(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "f.jsonl"
    path.write_bytes(head)
    os.truncate(path, 3 << 30)
    problems = [one for one in _all(path) if isinstance(one, QuestionError)]
    assert "64 MB" in str(problems[0]) or "NUL bytes" in str(problems[0])


def _all(path: Path) -> list[object]:
    try:
        return list(read(path))
    except QuestionError as refused:
        return [refused]


def test_a_row_of_too_many_fields_is_refused(tmp_path: Path) -> None:
    wide = {f"c{number}": number for number in range(2_001)}
    assert "has 2,004 fields" in the_error(write_lines(tmp_path / "f.jsonl", [row(), row(**wide)])).problem
    table = ",".join(["question", "A", "B", "answer", *wide])
    assert "has 2,005 fields" in the_error(write_bytes(tmp_path / "f.csv", f"{table}\nx,a,b,A\n")).problem


@pytest.mark.parametrize("number", [7, -1, 1e308, "17"])
def test_a_number_of_no_option_beside_a_known_key_is_a_bad_row(tmp_path: Path, number: object) -> None:
    path = write_lines(tmp_path / "f.jsonl", [row(), row(answer_idx=number)])
    assert the_error(path).field == "answer_idx"


def test_parquet_is_refused_by_the_size_that_it_declares(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    part = pa.table({"question": pa.array([b"\0" * (1 << 20)] * 64, pa.binary())})
    with parquet.ParquetWriter(tmp_path / "f", part.schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(64):
            writer.write_table(part)
    assert (tmp_path / "f").stat().st_size < 200_000
    assert "unpacks to 4.3 GB from" in refusal(tmp_path / "f")


@pytest.mark.parametrize("inside", ["a text", "a list"])
def test_parquet_that_repeats_a_long_text_in_each_row_is_refused(tmp_path: Path, inside: str) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    count = 100_000
    texts = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), pa.array(["a" * (1 << 20)]))
    column = texts if inside == "a text" else pa.ListArray.from_arrays(list(range(count + 1)), texts)
    parquet.write_table(pa.table({"question": column}), tmp_path / "f", compression="zstd")
    assert "GB from" in refusal(tmp_path / "f")


def test_a_parquet_row_that_python_cannot_hold_is_a_bad_row_and_the_others_are_read(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = {name: [row()[name]] * 3 for name in row()}
    when = pa.array([0, 2**52, 0], pa.timestamp("ms"))
    parquet.write_table(pa.table({**rows, "when": when, "id": ["a", "b", "c"]}), tmp_path / "f")
    good, bad = found(tmp_path / "f")
    assert [one.id for one in good] == ["a", "c"]
    assert bad[0].line == 2
    assert "has a value that cannot be read" in bad[0].problem
