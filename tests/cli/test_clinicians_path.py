"""A clinician's path: a table from a German Excel, looked over, made into records by a server, exported."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from product import Done, reasonmed_at
from support import reply, served

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web


HEADER = "ID;Frage;Antwort A;Antwort B;Antwort C;Lösung;Fach;Größe"
ROWS = 20
WRONG = "k7"
"""The question that the model never gets right."""
BAD = "k20;Und hier?;ja;nein;vielleicht;F;Gefäße;0,5 cm"

REASONING = (
    "Zunächst fällt auf, dass die Wände der Gefäße gleichmäßig verdickt sind. Häufig führt ein erhöhter Druck "
    "über Jahre zu solchen Veränderungen, während eine Entzündung eher örtlich begrenzt bliebe. Für eine "
    "mäßige Ausprägung müsste der Wert niedriger liegen; übergroße Befunde wären dagegen schmerzhaft und "
    "würden früher bemerkt. Die Anamnese enthält keine Hinweise auf Fieber, Gewichtsverlust oder Blutungen, "
    "sodass bösartige Ursachen kaum in Frage kommen. Auch das Labor spricht nicht dagegen. Nach Abwägung aller "
    "Möglichkeiten überzeugt nur eine der drei Angaben."
)


def table() -> bytes:
    """As a German Excel saves it: semicolons, Windows-1252, decimal commas, a title above the header."""
    lines = ["Kartei Innere Medizin;;;;;;;", HEADER]
    lines += [
        f"k{n};Welche Größe hat der Befund Nr. {n} \u2013 und was heißt „mäßig“?;{n},5 mg/dl;mäßig, {n} µg;"
        f"übergroß {n};{'ABC'[n % 3]});Gefäße;{n},25 cm"
        for n in range(ROWS)
    ]
    return "\r\n".join([*lines, BAD]).encode("cp1252")


class Model:
    """A server with one model, which writes German, knows the key of all questions but one, and accepts all."""

    def __init__(self) -> None:
        self.asked = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        text = "\n".join(one["content"] for one in (await request.json())["messages"])
        number = int(re.findall(r"Befund Nr\. (\d+)", text)[-1])
        options = dict(re.findall(r"^([A-C])\. (.+)$", text, re.MULTILINE))
        key = "ABC"[(number + (f"k{number}" == WRONG)) % 3]
        return reply(self._said(text, key, options, number))

    def _said(self, text: str, key: str, options: dict[str, str], number: int) -> str:
        if '"verdict"' in text:
            return json.dumps({"verdict": "Correct", "reason": f"Die Deutung von Befund {number} ist schlüssig."})
        if '"score"' in text:
            points = 8 if "from 1 to 10" in text else 4
            return json.dumps({"score": points, "justification": f"Befund {number} ist gründlich erörtert."})
        if "write the final reply" in text:
            return f"Für Befund {number} gilt Antwort {key}: {options[key]}, denn die Gefäße sind verändert."
        others = [f"Gegen {sign} ({option}) spricht die Größe." for sign, option in options.items() if sign != key]
        prose = f"Gefragt ist die Größe von Befund {number}. {' '.join(others)} {REASONING} Probe {self.asked}: {key}."
        return f"{prose}\n\nAnswer: {key}. {options[key]}"


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
