"""A clinician's path: a table from a German Excel, looked over, made into records by a server, exported."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from clinic import ROWS, WRONG, Model, table
from product import Done, reasonmed_at
from support import served

if TYPE_CHECKING:
    from pathlib import Path


async def command(folder: Path, *words: str) -> Done:
    return await asyncio.to_thread(reasonmed_at, folder, *words)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_a_table_of_excel_becomes_records_of_a_server_and_an_export_with_every_row_and_umlaut(
    tmp_path: Path,
) -> None:
    (tmp_path / "kartei.csv").write_bytes(table())

    seen = await command(tmp_path, "questions", "kartei.csv")
    assert (seen.code, "20 questions, 1 bad rows" in seen.out) == (2, True), seen.out + seen.err
    assert "another encoding: 1" in seen.out
    assert "k20" in seen.out, "a bad row is named by its id"

    model = Model()
    async with served(model.answer) as url:
        words = ("--endpoint", url, "--model", "m", "--phi", "off", "--max-failures", "10%", "-o", "run")
        done = await command(tmp_path, "run", "kartei.csv", "--skip-bad", *words)
        assert done.code == 0, done.out + done.err
        asked = model.asked
        again = await command(tmp_path, "run", "kartei.csv", "--skip-bad", *words)
    assert (again.code, model.asked) == (0, asked)
    assert "1 bad row skipped" in done.err

    records, failures = lines(tmp_path / "run" / "records.jsonl"), lines(tmp_path / "run" / "failures.jsonl")
    assert [one["question_id"] for one in failures] == [WRONG]
    assert {one["question_id"] for one in records} == {f"k{n}" for n in range(ROWS)} - {WRONG}
    for one in records:
        number = one["question_id"][1:]
        assert one["question"] == f"Welche Größe hat der Befund Nr. {number} \u2013 und was heißt „mäßig“?"
        assert one["options"] == [f"{number},5 mg/dl", f"mäßig, {number} µg", f"übergroß {number}"]
        assert one["answer_index"] == int(number) % 3
        assert one["meta"] == {"Fach": "Gefäße", "Größe": f"{number},25 cm"}
        assert "die Wände der Gefäße gleichmäßig" in one["chain_of_thought"]

    exported = await command(tmp_path, "export", "run", "-o", "data", "--format", "records,parquet")
    assert exported.code == 0, exported.out + exported.err
    rows = lines(tmp_path / "data" / "records" / "train.jsonl")
    assert {one["id"] for one in rows} == {one["id"] for one in records}
    assert {one["response"] for one in rows} == {one["response"] for one in records}
    assert all("Gefäße" in one["response"] for one in rows)
    parquet = pytest.importorskip("pyarrow.parquet")
    tables = [parquet.read_table(path) for path in (tmp_path / "data" / "parquet").glob("*.parquet")]
    found = [row for one in tables for row in one.to_pylist()]
    assert {row["id"] for row in found} == {one["id"] for one in records}
    assert {json.loads(row["meta"])["Fach"] for row in found} == {"Gefäße"}
