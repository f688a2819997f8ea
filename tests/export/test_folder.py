"""What an export does to the folder that it is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exports import Export
from reasonmed.errors import RunDirectoryError, UsageError
from reasonmed.export import Settings, export
from reasonmed.rundir import RunDirectory

_CARD = ("README.md", "croissant.json", "card/records.svg", "card/scores.svg", "card/verdicts.svg")


def test_force_takes_every_file_of_the_older_export_away_and_no_other(exported: Export, tmp_path: Path) -> None:
    exported(["trl-sft", "parquet"])
    (tmp_path / "out" / "notes.txt").write_text("mine")
    exported(["records"], force=True, shares=(1.0, 0.0, 0.0))
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert found == {"notes.txt", "export.json", "records/train.jsonl", *_CARD}


def test_without_force_an_older_export_stays_as_it_is(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    before = (tmp_path / "out" / "export.json").read_bytes()
    with pytest.raises(UsageError, match=r"holds an older export.*--force"):
        exported(["records"], seed=3)
    assert (tmp_path / "out" / "export.json").read_bytes() == before


def test_a_manifest_cannot_make_force_delete_outside_the_folder(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    precious = tmp_path / "precious.txt"
    precious.write_text("years of work")
    path = tmp_path / "out" / "export.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "files": ["../precious.txt", str(precious), *told["files"]]}))
    exported(["records"], force=True)
    assert precious.read_text() == "years of work"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 3}', '{"files": [1]}'])
def test_a_torn_manifest_of_an_older_export_is_an_error(exported: Export, tmp_path: Path, content: str) -> None:
    exported(["records"])
    (tmp_path / "out" / "export.json").write_text(content)
    with pytest.raises(UsageError, match=r"export\.json cannot be read"):
        exported(["records"], force=True)


def test_what_is_no_run_is_refused_before_a_folder_is_made(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    with pytest.raises(RunDirectoryError, match="thesis is no run"):
        export(RunDirectory(tmp_path / "thesis"), tmp_path / "out", Settings(), ["records"], force=False)
    assert not (tmp_path / "out").exists()


def test_an_unknown_format_is_refused_before_a_folder_is_made(exported: Export, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--format dop: there are axolotl, dpo, inspect"):
        exported(["records", "dop"])
    assert not (tmp_path / "out").exists()


def test_a_template_that_deletes_the_reasoning_stops_the_export(run26: RunDirectory, tmp_path: Path) -> None:
    settings = Settings(demo=True, template="deepseek-r1-distill")
    with pytest.raises(UsageError, match=r"the chain of thought is lost.*35 of 105 rows"):
        export(run26, tmp_path / "out", settings, ["trl-sft"], force=False)
    assert not (tmp_path / "out").exists()
    export(run26, tmp_path / "out", Settings(demo=True, template="qwen3"), ["trl-sft"], force=False)
