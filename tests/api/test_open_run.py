from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from msgspec.structs import asdict

import reasonmed as rm
from exports import read_lines
from reasonmed.engine.ledger import encode
from reasonmed.export.formats.parquet import row_of
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.status import status_of


@pytest.fixture
def run(run26: RunDirectory) -> rm.Run:
    return rm.open_run(run26.path)


def test_records_and_failures_are_those_of_the_files(run: rm.Run) -> None:
    assert [json.loads(encode(record)) for record in run.records()] == read_lines(run.path / "records.jsonl")
    told = [
        (one["question_id"], one["reason"], one["story"]["detail"]) for one in read_lines(run.path / "failures.jsonl")
    ]
    assert [(one.question_id, one.reason, one.detail) for one in run.failures()] == told
    assert told


def test_a_story_is_found_by_its_question_and_by_its_record(run: rm.Run) -> None:
    record = next(run.records())
    story = run.story(record.id)
    assert story.question.id == record.question_id
    assert story == run.story(record.question_id) == next(one for one in run.stories() if one == story)
    with pytest.raises(rm.UsageError, match="has no question 'nobody'"):
        run.story("nobody")


def test_the_status_has_the_keys_of_the_command(run: rm.Run, run26: RunDirectory) -> None:
    assert run.status() == status_of(run26)
    assert isinstance(run.status(), rm.Status)


def test_what_is_no_run_of_the_pipeline_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(rm.RunDirectoryError, match="nothing is there"):
        rm.open_run(tmp_path / "nowhere")


def test_an_export_is_typed_and_can_be_checked(run: rm.Run, tmp_path: Path) -> None:
    with pytest.raises(rm.UsageError, match="is a demo"):
        run.export(tmp_path / "data")
    data = run.export(tmp_path / "data", formats="records", split=(0.6, 0.2, 0.2), demo=True)
    told = json.loads((tmp_path / "data" / "export.json").read_text(encoding="utf-8"))
    assert {name: (one.questions, one.records) for name, one in data.splits.items()} == {
        name: (one["questions"], one["records"]) for name, one in told["splits"].items()
    }
    assert data.records == told["records"]
    report = rm.check(data, exact=True)
    assert report.records == data.records
    assert sum(report.rules.values()) == len(report.findings)
    with pytest.raises(rm.UsageError, match="it must be three shares"):
        rm.export(run, tmp_path / "other", split=(0.5, 0.2, 0.2), demo=True)
    with pytest.raises(rm.UsageError, match="tier 'hard': there are easy, medium, difficult"):
        rm.export(run, tmp_path / "other", tiers=["hard"], demo=True)


def test_rows_are_checked_like_a_file(run: rm.Run) -> None:
    row = {"id": "a", "question": "Which?", "options": ["x", "y"], "answer": "x"}
    report = rm.check([row, {**row, "id": "b"}, {**row, "id": "c", "answer": "z"}], exact=True)
    found = {(one.rule, one.id) for one in report.findings}
    assert found >= {("duplicates.question", "b"), ("input.bad_row", "rows:3")}
    assert report.not_checked["contamination"]


def test_records_become_a_frame(run: rm.Run) -> None:
    frame = run.to_pandas()
    assert frame.to_dict("records")[0]["id"] == next(run.records()).id
    assert list(frame.columns) == list(row_of(asdict(next(run.records()))))


def test_a_package_that_is_missing_is_named_with_the_line_that_installs_it(
    run: rm.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "datasets", None)
    for made in (run.to_pandas, run.to_dataset):
        with pytest.raises(rm.UsageError, match=r"pip install 'reasonmed\[frames\]'"):
            made()


@pytest.mark.skipif(find_spec("datasets") is None, reason="datasets is not installed (extra frames)")
def test_records_become_a_data_set_that_is_read_again(run: rm.Run, tmp_path: Path) -> None:
    data = run.to_dataset()
    assert data.column_names == list(run.to_pandas().columns)
    asked = data.select_columns(["question_id", "question", "options", "answer", "answer_index"])
    again = rm.synthesize(asked.rename_column("question_id", "id").select([0, 2]), "scripted", out=tmp_path / "run")
    assert again.status().questions == 2
