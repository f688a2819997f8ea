"""``reasonmed card``: what is given is added, what was there stays, and no card is made that would be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exports import Export
from reasonmed.errors import UsageError
from reasonmed.export import About, recard

REPORT: dict[str, Any] = {
    "version": 1,
    "input": {"kind": "run", "name": "run"},
    "coverage": [
        {
            "benchmark": "MedQA test",
            "questions": 700,
            "of": 1273,
            "said": "checked against 700 of 1,273",
            "methods": ["exact", "ngram"],
            "matches": {"contamination.exact": 2},
        }
    ],
    "counts": {"questions": 26, "findings": 3, "rules": {"contamination.exact": 2, "phi.phone": 1}, "not_checked": {}},
    "findings": [],
}
SHARE = {"count": 9, "of": 10, "share": 0.9, "low": 0.6, "high": 0.98}
JUDGE = {"name": "made-up-1", "cases": 20, "strata": {"wrong_answer": {"sensitivity": SHARE, "specificity": SHARE}}}


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_report_of_checks_becomes_the_table_in_its_own_words(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    before = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "Not checked" in before
    recard(tmp_path / "out", About(findings=written(tmp_path / "check.json", REPORT)), force=False)
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| MedQA test | checked against 700 of 1,273 | exact, ngram | 2 contamination.exact |" in text
    assert "Not checked" not in text
    assert "No finding was used to leave anything out" in text
    told = json.loads((tmp_path / "out" / "croissant.json").read_text(encoding="utf-8"))
    assert "phi.phone 1" in told["rai:personalSensitiveInformation"][0]


def test_a_report_without_a_benchmark_is_no_check_of_contamination(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    report = {**REPORT, "coverage": []}
    recard(tmp_path / "out", About(findings=written(tmp_path / "check.json", report)), force=False)
    assert "contamination was **not checked**" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_what_was_given_once_stays(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    out = tmp_path / "out"
    recard(out, About(name="Mine", findings=written(tmp_path / "check.json", REPORT)), force=False)
    recard(out, About(creator="A. Person", judge_card=written(tmp_path / "judge.json", JUDGE)), force=False)
    text = (out / "README.md").read_text(encoding="utf-8")
    assert "# Mine" in text
    assert "700 of 1,273" in text
    assert "90.0% (9 of 10; 60.0% to 98.0%)" in text
    assert json.loads((out / "croissant.json").read_text(encoding="utf-8"))["creator"]["name"] == "A. Person"


def test_what_a_judge_card_lacks_may_lack_in_the_manifest_too(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    out = tmp_path / "out"
    recard(out, About(judge_card=written(tmp_path / "judge.json", JUDGE)), force=False)
    told = json.loads((out / "export.json").read_text(encoding="utf-8"))
    told["judge_card"] = {name: told["judge_card"][name] for name in ("file", "sha256", "name", "strata")}
    (out / "export.json").write_text(json.dumps(told), encoding="utf-8")
    recard(out, About(name="Mine"), force=False)
    assert "Cohen's kappa" in (out / "README.md").read_text(encoding="utf-8")


def test_nothing_new_gives_the_same_bytes(exported: Export, tmp_path: Path) -> None:
    exported(["records", "parquet"])
    paths = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in paths}
    recard(tmp_path / "out", About(), force=False)
    assert {path: path.read_bytes() for path in paths} == before


def test_a_judge_card_of_another_judge_is_refused(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    path = written(tmp_path / "judge.json", {**JUDGE, "name": "gpt-9"})
    with pytest.raises(UsageError, match=r"is of the judge 'gpt-9'.*made-up-1"):
        recard(tmp_path / "out", About(judge_card=path), force=False)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"name": "made-up-1"}', '{"name": "x", "strata": {"a": 3}}', "\xff"]
)
def test_what_is_no_judge_card_is_refused(exported: Export, tmp_path: Path, content: str) -> None:
    exported(["records"])
    path = tmp_path / "judge.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UsageError, match=r"judge\.json: is no judge card"):
        recard(tmp_path / "out", About(judge_card=path), force=False)


def test_a_file_that_is_not_there_is_said(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    with pytest.raises(UsageError, match=r"--findings .*nothing\.json: cannot be read: No such file"):
        recard(tmp_path / "out", About(findings=tmp_path / "nothing.json"), force=False)


def test_a_folder_without_an_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is no export: it has no export\.json"):
        recard(tmp_path, About(), force=False)


@pytest.mark.parametrize(
    "change", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes() + b"{}\n")]
)
def test_data_that_is_not_as_it_was_exported_gets_no_card(exported: Export, tmp_path: Path, change: Any) -> None:
    exported(["records"])
    change(tmp_path / "out" / "records" / "train.jsonl")
    with pytest.raises(UsageError, match=r"train\.jsonl (is missing|was changed after the export)"):
        recard(tmp_path / "out", About(), force=False)


def test_a_card_changed_by_hand_is_replaced_only_by_force(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    path = written(tmp_path / "out" / "README.md", "my own words")
    with pytest.raises(UsageError, match=r"README\.md was changed by hand"):
        recard(tmp_path / "out", About(name="New"), force=False)
    assert path.read_text(encoding="utf-8") == "my own words"
    recard(tmp_path / "out", About(name="New"), force=True)
    assert "# New" in path.read_text(encoding="utf-8")


def test_an_export_of_an_older_version_is_refused(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    path = tmp_path / "out" / "export.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    del told["card"]
    written(path, told)
    with pytest.raises(UsageError, match=r"export\.json is no .*: it has no `card`; export the run again"):
        recard(tmp_path / "out", About(), force=False)
