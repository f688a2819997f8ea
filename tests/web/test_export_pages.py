"""Pages over an export, and over files of records and of other rows."""

from __future__ import annotations

import html
import json
import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exports import read_lines
from reasonmed.errors import UsageError
from reasonmed.runs.directory import RunDirectory
from reasonmed.web.sources import ExportSource
from web_folders import HOSTILE
from web_pages import viewed


def _listed(text: str) -> list[str]:
    return re.findall(r'<a href="/question/([^"?]+)', text)


def _changed(shipped: Path, folder: Path, **changes: Any) -> Path:
    """A copy of the export with another manifest."""
    shutil.copytree(shipped, folder)
    told = json.loads((folder / "export.json").read_text())
    (folder / "export.json").write_text(json.dumps({**told, **changes}))
    return folder


def test_an_export_shows_its_splits_formats_and_sources_and_nothing_is_added_to_it(shipped: Path) -> None:
    before = sorted(shipped.rglob("*"))
    with viewed(shipped) as client:
        page = client.get("/").text
        for split in ("train", "test"):
            found = _listed(client.get(f"/questions?split={split}").text)
            lines = read_lines(shipped / f"records/{split}.jsonl")
            assert found == list(dict.fromkeys(row["question_id"] for row in lines))
    assert "messages/reasonmed/train.jsonl" in page
    assert "reasonmed examples" in page
    assert sorted(shipped.rglob("*")) == before


def test_a_question_of_an_export_has_its_records_as_they_were_exported(shipped: Path) -> None:
    row = read_lines(shipped / "records" / "train.jsonl")[0]
    with viewed(shipped) as client:
        page = client.get(f"/question/{row['question_id']}").text
    assert row["id"] in page
    assert "Provenance and meta" in page
    assert "Apache-2.0" in page
    assert row["chain_of_thought"].split("\n")[0] in html.unescape(re.sub(r"<[^>]+>", "", page))


@pytest.mark.parametrize("name", ["parquet", "messages", "reasonmed-json", "dpo", "verifier"])
def test_every_format_is_read_where_it_is_the_only_one(shipped: Path, tmp_path: Path, name: str) -> None:
    with viewed(_changed(shipped, tmp_path / "out", formats=[name])) as client:
        page = client.get("/questions").text
        first = _listed(page)[0]
        assert f"{name}/" in page
        answer = client.get(f"/question/{first}")
        assert answer.status == 200
        assert "Step 1" in answer.text


def test_whole_records_come_before_other_forms_whatever_the_order(shipped: Path) -> None:
    with closing(ExportSource(shipped)) as source:
        assert "records/train.jsonl" in source.stamp()
        assert "messages" not in source.stamp()


def test_a_file_of_records_is_shown_without_a_manifest(run26: RunDirectory, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(run26.records_path.read_bytes())
    with viewed(path) as client:
        assert "A file of rows without a manifest" in client.get("/").text
        assert "medium" in client.get("/questions?tier=medium").text


def test_rows_of_any_form_are_shown_as_text(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"messages": [{"role": "user", "content": f"Which? {HOSTILE}"}, {"role": "assistant", "content": "So."}]},
        {"id": 5, "x": {"deep": [1, None]}},
        {"id": "a/b c?", "question": ["no text"], "messages": "plain", "options": 3, "tier": 4, "chain_of_thought": 1},
        {"question_id": "q", "question": "Which?", "options": ["a", "b"], "prompt": [{"role": None}, 4]},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n")
    with viewed(path) as client:
        names = _listed(client.get("/questions").text)
        pages = [client.get(f"/question/{name}") for name in names]
    assert names == ["rows.jsonl%231", "rows.jsonl%232", "a/b%20c%3F", "q"]
    assert [one.status for one in pages] == [200] * 4
    assert "<script>alert" not in pages[0].text
    assert "assistant" in pages[0].text
    assert "&#34;deep&#34;" in pages[1].text


def test_a_file_that_changes_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "one", "question": "Which?"}\n')
    with viewed(path) as client:
        path.write_text('{"id": "two", "question": "Which?"}\n{"id": "three", "question": "Which?"}\n')
        client.index.catch_up()
        assert _listed(client.get("/questions").text) == ["two", "three"]
        path.unlink()
        assert client.get("/questions").status == 200
        assert client.get("/question/two").status == 500


def test_a_torn_line_is_said_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "one"}\n{"id": ')
    with viewed(path) as client:
        assert "rows.jsonl, byte 14: is no row of a data set" in client.get("/questions").text


def test_a_manifest_that_leads_out_of_its_folder_is_refused(shipped: Path, tmp_path: Path) -> None:
    moved = {"records/../../secret.jsonl": 3}
    with pytest.raises(UsageError, match="secret"):
        ExportSource(_changed(shipped, tmp_path / "out", rows=moved, sha256=dict.fromkeys(moved, "")))


def test_a_manifest_of_a_newer_version_is_refused_with_the_fix(shipped: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"7.*export the run again"):
        ExportSource(_changed(shipped, tmp_path / "out", format=7))


def test_rows_for_another_stack_are_named_as_such(shipped: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rows for verl that `reasonmed train --emit` wrote"):
        ExportSource(_changed(shipped, tmp_path / "out", emitted="verl"))
