"""A clinician's path: a table from a German Excel, looked over, made into records, exported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from reasonmed.cli import app

if TYPE_CHECKING:
    from pathlib import Path

MAP = "question=Fall,options=Möglichkeit 1|Möglichkeit 2|Möglichkeit 3,answer=Richtig"


def command(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.output


def test_a_table_of_excel_becomes_records_with_its_own_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["Kartei Innere Medizin;;;;;;", "id;Fall;Möglichkeit 1;Möglichkeit 2;Möglichkeit 3;Richtig;Fach"]
    lines += [
        f"k{n};Welche Größe hat Befund {n} \u2013 und warum?;klein {n},5 cm;mäßig {n};groß {n};{'ABC'[n % 3]});Gefäße"
        for n in range(20)
    ]
    (tmp_path / "kartei.csv").write_bytes("\r\n".join(lines).encode("cp1252"))

    seen = command("questions", "kartei.csv", "--map", MAP)
    assert "20 questions, 0 bad rows" in seen
    assert "another encoding: 1" in seen

    command("run", "kartei.csv", "--map", MAP, "-r", "scripted", "-o", "run", "--max-failures", "100%")
    records = [json.loads(line) for line in (tmp_path / "run" / "records.jsonl").read_text().splitlines()]
    failures = (tmp_path / "run" / "failures.jsonl").read_text().splitlines()
    assert len({one["question_id"] for one in records}) + len(failures) == 20
    assert records
    assert {json.dumps(one["meta"], ensure_ascii=False) for one in records} == {'{"Fach": "Gefäße"}'}
    assert records[0]["options"][0].endswith(",5 cm")

    command("export", "run", "-o", "data", "--demo", "--format", "parquet")
    parquet = pytest.importorskip("pyarrow.parquet")
    tables = [parquet.read_table(path) for path in (tmp_path / "data" / "parquet").glob("*.parquet")]
    rows = [row for table in tables for row in table.to_pylist()]
    assert {row["id"] for row in rows} == {one["id"] for one in records}
    assert {json.loads(row["meta"])["Fach"] for row in rows} == {"Gefäße"}
