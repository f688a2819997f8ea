from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from exports import Export, read_lines
from reasonmed.errors import UsageError
from reasonmed.export import Settings, export, read_drops
from reasonmed.runs.directory import RunDirectory
from reasonmed.types import Tier
from runs import World, questions, run
from support import recipe


def exported_ids(folder: Path) -> set[str]:
    return {row["id"] for path in (folder / "records").glob("*.jsonl") for row in read_lines(path)}


def report(path: Path, *findings: tuple[str, str]) -> Path:
    path.write_text(
        json.dumps(
            {
                "version": 1,
                "findings": [
                    {"id": one, "subject": "record", "question_id": "q", "rule": rule, "evidence": "x"}
                    for one, rule in findings
                ],
            }
        )
    )
    return path


@pytest.mark.parametrize(
    ("settings", "field", "good"),
    [
        ({"tiers": (Tier.EASY, Tier.DIFFICULT)}, "tier", {"easy", "difficult"}),
        ({"sources": ("reasonmed examples",)}, "source", {"reasonmed examples"}),
        ({"licenses": ("Apache-2.0",)}, "license", {"Apache-2.0"}),
        ({"min_score": 7}, "score", {7, 8, 9, 10}),
    ],
)
def test_a_filter_takes_exactly_what_it_names_and_counts_the_rest(
    exported: Export, run26: RunDirectory, tmp_path: Path, settings: Any, field: str, good: set[Any]
) -> None:
    told = exported(["records"], **settings)
    everything = read_lines(run26.records_path)
    assert exported_ids(tmp_path / "out") == {row["id"] for row in everything if row[field] in good}
    assert told["records"] + sum(told["left_out"].values()) == len(everything)
    assert set(told["left_out"]) <= ({"score", "unscored"} if field == "score" else {field})
    assert {name: told["settings"][name] for name in settings} == json.loads(json.dumps(settings))


def test_filters_move_no_question_to_another_split(exported: Export, tmp_path: Path) -> None:
    exported(["records"], "all")
    exported(["records"], "some", tiers=(Tier.MEDIUM,))
    for split in ("train", "validation", "test"):
        path = tmp_path / "some" / "records" / f"{split}.jsonl"
        some = {row["id"] for row in read_lines(path)} if path.exists() else set()
        assert some <= {row["id"] for row in read_lines(tmp_path / "all" / "records" / f"{split}.jsonl")}


def test_findings_drop_questions_and_records_by_rule_and_the_manifest_says_so(
    exported: Export, run26: RunDirectory, tmp_path: Path
) -> None:
    everything = read_lines(run26.records_path)
    record, question = everything[0], everything[-1]["question_id"]
    path = report(
        tmp_path / "check.json",
        (record["id"], "leak"), (question, "contamination.exact"), (everything[3]["question_id"], "phi"),
    )  # fmt: skip
    drops = read_drops(path, ["leak", "contamination", "loop"])
    told = exported(["records", "rl"], drops=drops)
    gone = {row["id"] for row in everything if row["question_id"] == question or row["id"] == record["id"]}
    assert exported_ids(tmp_path / "out") == {row["id"] for row in everything} - gone
    assert told["settings"]["drops"]["drop"] == {"leak": 1, "contamination": 1, "loop": 0}
    assert told["settings"]["drops"]["findings"] == "check.json"
    assert told["left_out"] == {"finding:leak": 1, "finding:contamination.exact": len(gone) - 1}
    assert told["questions_left_out"]["finding:contamination.exact"] == 1
    asked = {row["id"] for path in (tmp_path / "out" / "rl").rglob("*.jsonl") for row in read_lines(path)}
    assert question not in asked
    assert record["question_id"] in asked


def test_the_text_of_a_dropped_record_or_chain_is_in_no_other_format(
    exported: Export, run26: RunDirectory, tmp_path: Path
) -> None:
    record = next(row for row in read_lines(run26.records_path) if row["provenance"]["origin"] == "generate")
    exported(["kto"], "all")
    wrong = next(
        row
        for row in read_lines(tmp_path / "all" / "kto" / "train.jsonl")
        if not row["label"] and row["question_id"] != record["question_id"]
    )
    told = exported(
        ["kto", "dpo", "verifier"],
        drops=read_drops(report(tmp_path / "c.json", (record["id"], "phi"), (wrong["id"], "phi")), ["phi"]),
    )
    assert told["chains_left_out"] == {"finding:phi": 1}
    gone = {
        record["question_id"]: record["chain_of_thought"].partition("\n")[0],
        wrong["question_id"]: wrong["completion"][0]["content"].partition("\n")[0],
    }
    assert len(gone) == 2
    for path in (tmp_path / "out").rglob("*.jsonl"):
        for row in read_lines(path):
            assert gone.get(row["question_id"], "nowhere") not in json.dumps(row)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"findings": [{"id": 1}]}', "\x00", '{"findings": "x"}'])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "check.json").write_text(content)
    with pytest.raises(UsageError, match=r"check\.json is no report of `reasonmed check"):
        read_drops(tmp_path / "check.json", ["phi"])
    with pytest.raises(UsageError, match=r"nowhere\.json cannot be read: No such file"):
        read_drops(tmp_path / "nowhere.json", ["phi"])


def test_filters_that_leave_nothing_are_an_error_with_the_counts(exported: Export, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing is left to export; left out: 10 key_disputed, 16 source"):
        exported(["records"], sources=("elsewhere",))
    assert not (tmp_path / "out").exists()


def test_counts_of_the_manifest_add_up_to_the_run(exported: Export, run26: RunDirectory) -> None:
    told = exported(["records", "rl"])
    rows = Counter({name: count for name, count in told["rows"].items() if name.startswith("records/")})
    assert rows.total() == told["records"] == len(read_lines(run26.records_path))
    questions = sum(one["questions"] for one in told["splits"].values())
    assert questions + sum(told["questions_left_out"].values()) == 26


def test_an_export_of_an_unfinished_run_says_how_many_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch)
    world.stop_after = 800
    directory = run(tmp_path / "run", questions(40), recipe(route={"dispute": False}))
    told = export(directory, tmp_path / "out", Settings(demo=True), ["rl"], force=False)
    assert told.unfinished > 0
    taken, left = told.splits["train"].questions, told.questions_left_out
    assert told.unfinished + taken + sum(left.values()) == 40
