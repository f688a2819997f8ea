"""The whole check: inputs, reports, order, and what a run leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from product import Done, reasonmed_at
from reasonmed.checks import RULES, Plan, read_findings
from reasonmed.checks.inputs import find_input
from reasonmed.checks.instructions import taken_apart
from reasonmed.checks.write import check_to_files
from reasonmed.errors import QuestionError, ReasonMedError, UsageError
from reasonmed.export import Settings as Exporting
from reasonmed.export import export
from reasonmed.questions import Settings
from reasonmed.questions.contamination import Matcher, build, write_index
from reasonmed.recipe.shipped import resource
from reasonmed.recipe.templates import instruction
from runs import questions, run

pytest.importorskip("datasketch", reason="needs the extra check")
pytest.importorskip("rapidfuzz", reason="needs the extra check")

EXAMPLES = resource("examples", "questions.json")
LEAK = "Since the given answer is B, we argue for it. " + "Thrombin and plasmin, platelets and kinins follow. " * 3
BROKEN = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"id": "a", "question": "First one?", "options": ["x", "y"], "answer": "x", "cots": [{"text": LEAK}]},
        {"id": "b", "question": "FIRST one", "options": ["y", "x"], "answer": "y", "license": "MIT"},
        {"id": "c", "question": "<script>alert(1)</script>\u001b[31m{{ 7*7 }}?", "options": ["1", "2"], "answer": "Z"},
        {"id": "</td><img src=x>", "question": "Call 415-555-0132?", "options": ["1", "2"], "answer": "1"},
    )
)


def report_of(path: Path, folder: Path, plan: Plan | None = None) -> dict[str, Any]:
    check_to_files(find_input(path, Settings()), plan or Plan(), folder / "report.json", folder / "report.html")
    found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


def rules_of(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["id"], one["rule"]) for one in report["findings"]]


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    (tmp_path / "broken.jsonl").write_text(BROKEN, encoding="utf-8")
    return tmp_path / "broken.jsonl"


def test_findings_come_in_the_order_of_the_input_with_counts_that_agree(broken: Path, tmp_path: Path) -> None:
    report = report_of(broken, tmp_path)
    assert [pair for pair in rules_of(report) if not pair[1].startswith("license")] == [
        ("a/chain-1", "leak.gold"),
        ("b", "duplicates.question"),
        (f"{broken}:3", "input.bad_row"),
        ("</td><img src=x>", "phi.phone"),
    ]
    counts = report["counts"]
    assert counts["questions"] == 3
    assert counts["findings"] == len(report["findings"]) == sum(counts["rules"].values())
    assert set(counts["rules"]) <= set(RULES)
    assert report["version"] == 1
    assert report["coverage"] == []
    assert "contamination" in counts["not_checked"]


def test_the_same_input_gives_the_same_bytes(broken: Path, tmp_path: Path) -> None:
    report_of(broken, tmp_path)
    before = [(tmp_path / name).read_bytes() for name in ("report.json", "report.html")]
    report_of(broken, tmp_path)
    assert [(tmp_path / name).read_bytes() for name in ("report.json", "report.html")] == before


def test_the_page_escapes_what_it_shows(broken: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the page has plots")
    report_of(broken, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "&lt;/td&gt;&lt;img src=x&gt;" in page
    assert "nothing is said about contamination" in page
    assert "leak.gold" in page


def test_a_finding_shows_the_question_that_its_id_means_and_the_one_that_it_is_like(
    broken: Path, tmp_path: Path
) -> None:
    report_of(broken, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "chain a/chain-1 <span class=about>First one?</span>" in page
    assert "question b: FIRST one\nquestion a: First one?" in page


def test_findings_are_read_back_by_id(broken: Path, tmp_path: Path) -> None:
    report_of(broken, tmp_path)
    found = read_findings(tmp_path / "report.json")
    assert found["b"] == {"duplicates.question"}
    assert found["a/chain-1"] == {"leak.gold"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{}]}'])
def test_what_is_no_report_is_not_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"x\.json is"):
        read_findings(tmp_path / "x.json")
    with pytest.raises(UsageError, match="cannot be read"):
        read_findings(tmp_path / "nowhere.json")


def test_a_run_its_records_and_its_export_are_checked_alike(tmp_path: Path) -> None:
    made = run(tmp_path / "run", questions(9))
    whole = report_of(made.path, tmp_path)
    assert (whole["input"]["kind"], whole["counts"]["questions"]) == ("run", 9)
    records = report_of(made.records_path, tmp_path)
    lines = made.records_path.read_text(encoding="utf-8").splitlines()
    assert records["counts"]["records"] == whole["counts"]["records"] == len(lines) > 0
    about = {json.loads(line)["id"] for line in lines}
    rules = ("answer", "leak", "text")
    told = [pair for pair in rules_of(whole) if pair[0] in about and pair[1].startswith(rules)]
    assert told == [pair for pair in rules_of(records) if pair[0] in about and pair[1].startswith(rules)]


@pytest.mark.parametrize("formats", [["records", "reasonmed-json"], ["reasonmed-json"]])
def test_an_export_is_checked_in_all_its_splits(tmp_path: Path, formats: list[str]) -> None:
    made = run(tmp_path / "run", questions(12))
    told = export(made, tmp_path / "out", Exporting(demo=True, shares=(0.5, 0.25, 0.25)), formats, force=False)
    assert len(told.splits) == 3
    report = report_of(tmp_path / "out", tmp_path)
    assert report["input"]["kind"] == formats[0]
    folder = f"{formats[0]}/"
    rows = sum(count for name, count in told.rows.items() if name.startswith(folder))
    counts = report["counts"]
    assert (counts["records"] if formats[0] == "records" else counts["questions"]) == rows


def test_an_export_without_a_format_that_can_be_checked_says_which_could(tmp_path: Path) -> None:
    made = run(tmp_path / "run", questions(9))
    export(made, tmp_path / "out", Exporting(demo=True), ["trl-sft"], force=False)
    with pytest.raises(UsageError, match="neither the format records nor reasonmed-json"):
        find_input(tmp_path / "out", Settings())


def test_a_disputed_question_of_a_run_is_listed_though_it_has_no_record(tmp_path: Path) -> None:
    made = run(tmp_path / "run", questions(12))
    disputed = {
        one["question_id"]
        for one in map(json.loads, made.failures_path.read_text(encoding="utf-8").splitlines())
        if one["reason"] == "key_disputed"
    }
    assert disputed
    assert disputed == {name for name, rule in rules_of(report_of(made.path, tmp_path)) if rule == "gold.disputed"}


def test_rows_of_instruction_and_output_are_taken_apart(tmp_path: Path) -> None:
    asked = instruction("Which drug?\nA. is no option", ("Heparin", "Warfarin"), None)
    assert taken_apart(asked) == ("Which drug?\nA. is no option", ("Heparin", "Warfarin"))
    assert taken_apart("Explain asthma.") == ("Explain asthma.", ())
    row = {
        "instruction": asked,
        "input": "",
        "output": "<think>The answer key says B.\n\nAnswer: A</think>So.\n\nAnswer: B",
    }
    (tmp_path / "ReasonMed.json").write_text(json.dumps([row, {"instruction": 1, "output": "x"}]), encoding="utf-8")
    found = rules_of(report_of(tmp_path, tmp_path))
    assert ("ReasonMed.json#1", "leak.gold") in found
    assert ("ReasonMed.json#1", "answer.response") in found
    assert found[-1][1] == "input.bad_row"


def test_torn_records_are_findings_and_the_rest_is_checked(tmp_path: Path) -> None:
    made = run(tmp_path / "run", questions(9))
    text = made.records_path.read_text(encoding="utf-8")
    path = tmp_path / "records.jsonl"
    path.write_text(text + text.splitlines()[0].replace('"answer_index":', '"answer_index":9'), encoding="utf-8")
    report = report_of(path, tmp_path)
    assert report["counts"]["rules"]["input.bad_row"] == 1
    assert report["counts"]["records"] == len(text.splitlines())


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe", b"no such thing", b"{", b"[1, 2]"])
def test_what_cannot_be_checked_is_said(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(content)
    done = reasonmed_at(tmp_path, "check", "x.json")
    assert done.code == 2
    assert "x.json" in done.err
    assert "Traceback" not in done.err
    for name in ("nowhere", "."):
        with pytest.raises((UsageError, QuestionError)):
            find_input(tmp_path / name, Settings())


def checked(folder: Path, *words: str | Path) -> Done:
    return reasonmed_at(folder, "check", *words)


def test_a_check_fails_only_on_the_rules_it_is_told_to(broken: Path) -> None:
    folder = broken.parent
    assert checked(folder, broken).code == 0
    assert checked(folder, broken, "--fail-on", "contamination").code == 0
    failed = checked(folder, broken, "--fail-on", "leak", "--fail-on", "phi.date")
    assert failed.code == 1
    assert "leak.gold 1" in failed.err
    unknown = checked(folder, broken, "--fail-on", "lea")
    assert unknown.code == 2
    assert "there are input.bad_row" in unknown.err


def test_reports_are_not_overwritten_unasked(broken: Path) -> None:
    folder = broken.parent
    (folder / "mine.json").write_text("thesis", encoding="utf-8")
    refused = checked(folder, broken, "--json", "mine.json")
    assert refused.code == 2
    assert (folder / "mine.json").read_text(encoding="utf-8") == "thesis"
    assert checked(folder, broken, "--json", "mine.json", "--force").code == 0
    assert read_findings(folder / "mine.json")


def test_a_run_drops_questions_of_a_benchmark_before_it_asks_anything(tmp_path: Path) -> None:
    (tmp_path / "bench.json").write_text(
        json.dumps(json.loads(EXAMPLES.read_text(encoding="utf-8"))[:3]), encoding="utf-8"
    )
    made = reasonmed_at(tmp_path, "index", "bench.json", "-o", "bench.index.jsonl", "--total", "10")
    assert "3 of 10 questions of bench" in made.out
    command = ("run", EXAMPLES, "-r", "scripted", "--limit", "5", "-o", "run", "--max-failures", "100%")
    done = reasonmed_at(tmp_path, *command, "--against", "bench.index.jsonl")
    assert done.code == 0, done.err
    assert "3 questions are in the benchmarks" in done.err
    failures = [json.loads(line) for line in (tmp_path / "run" / "failures.jsonl").read_text("utf-8").splitlines()]
    dropped = [one for one in failures if one["reason"] == "contaminated"]
    assert len(dropped) == 3
    assert all("chains" not in one["story"] and "of bench" in one["story"]["detail"] for one in dropped)
    before = (tmp_path / "run" / "failures.jsonl").read_bytes()
    assert reasonmed_at(tmp_path, *command, "--against", "bench.index.jsonl").code == 0
    assert (tmp_path / "run" / "failures.jsonl").read_bytes() == before
    without = reasonmed_at(tmp_path, *command)
    assert without.code == 2
    assert "against: was" in without.err
    assert reasonmed_at(tmp_path, "rebuild", "run").code == 0
    assert (tmp_path / "run" / "failures.jsonl").read_bytes() == before
    status = json.loads(reasonmed_at(tmp_path, "status", "run", "--json").out)
    assert status["reasons"]["contaminated"] == 3
    assert status["questions"] == status["succeeded"] + status["failures"] == 5


def test_dropped_questions_are_no_failures_of_the_run(tmp_path: Path) -> None:
    command = ("run", EXAMPLES, "-r", "scripted", "--limit", "2", "-o", "run", "--max-failures", "0")
    assert reasonmed_at(tmp_path, *command, "--against", EXAMPLES).code == 0
    status = json.loads(reasonmed_at(tmp_path, "status", "run", "--json").out)
    assert (status["reasons"], status["calls"]) == ({"contaminated": 2}, 0)


def test_a_report_says_how_much_of_a_benchmark_it_looked_at(tmp_path: Path) -> None:
    write_index(build([EXAMPLES], "bench", 1273), tmp_path / "bench.index.jsonl")
    done = checked(
        tmp_path, EXAMPLES, "--against", "bench.index.jsonl", "--json", "report.json", "--fail-on", "contamination"
    )
    assert done.code == 1
    assert "of 1,273 by exact, ngram, minhash" in done.out
    assert "clean" not in done.out
    (coverage,) = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["coverage"]
    assert coverage["of"] == 1273
    assert coverage["matches"] == {"contamination.exact": coverage["questions"]}


def test_without_the_extra_exact_checks_still_work(tmp_path: Path) -> None:
    matcher = Matcher([build([EXAMPLES], "bench", None, signed=False)], ("exact", "ngram"))
    report = report_of(EXAMPLES, tmp_path, Plan(matcher, near=False))
    assert report["counts"]["rules"]["contamination.exact"] == report["counts"]["questions"]
    assert report["counts"]["not_checked"]["contamination.minhash"] == "--exact was given"


def test_a_folder_that_holds_nothing_to_check_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ReasonMedError, match="holds no run"):
        find_input(tmp_path, Settings())
