"""The eight agents in the documented order, and a run that takes the chains of thought that are there."""

from __future__ import annotations

import asyncio
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reasonmed.questions import Settings
from reasonmed.questions._lint import write_native
from reasonmed.recipe.stages import specs
from reasonmed.runs.commands.run import question_source, synthesis_job
from reasonmed.runs.commands.stage import Tally, agent_job
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.layouts import story_source
from reasonmed.runs.progress import Watch
from reasonmed.types import Story
from support import recipe

KEYLESS = {
    "question": "Which vitamin is given with isoniazid to prevent neuropathy?",
    "options": ["Thiamine", "Pyridoxine", "Niacin", "Folate"],
}
OWN: list[dict[str, Any]] = [
    {**KEYLESS, "id": "keyed", "question": "Which is vitamin B6?", "answer": "Pyridoxine", "note": "kept"},
    {"id": "bone", "question": "Which bone is in the leg?", "options": {"A": "Radius", "B": "Tibia"}, "answer": "B"},
    KEYLESS,
]
NINE = [f"model{model}_COT{number}" for model in (1, 2, 3) for number in (1, 2, 3)]


def agent(stage: str, path: Path, out: Path, layout: str | None = None) -> Tally:
    tallies: list[Tally] = []
    intake = take_in(path, story_source(path, layout, Settings()), Selection())
    assert not intake.survey.bad_count, intake.survey.bad
    asyncio.run(execute(agent_job(stage, intake, recipe(), out, layout, tallies.append), Watch()))
    return tallies[0]


def eight(path: Path, folder: Path) -> list[list[dict[str, Any]]]:
    """The rows after each agent; only the first is told the layout."""
    written = []
    for stage in [spec.name for spec in specs()]:
        out = folder / f"{stage}.json"
        tally = agent(stage, path, out, "original" if stage == "generate" else None)
        rows = json.loads(out.read_bytes())
        assert sum(tally) == len(ids(rows))
        written.append(rows)
        path = out
    return written


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [name for name, _ in groupby(row["id"] for row in rows)]


def holds(written: list[list[dict[str, Any]]], questions: int) -> None:
    """Every question is in every file, with the chains that were generated and no key but its own."""
    first = {row["id"]: row for row in written[0]}
    assert len(first) == len(written[0]) == questions
    for rows in written:
        assert ids(rows) == list(first)
        for row in rows:
            assert list(row)[-1] == "_reasonmed"
            assert {name: row[name] for name in NINE} == {name: first[row["id"]][name] for name in NINE}
            assert row.get("answer") == first[row["id"]].get("answer")
    last = written[-1]
    assert all("failure" in row or {"COT", "Response"} <= row.keys() for row in last)
    score = recipe().stages.score
    assert score is not None
    finished = sum("failure" not in row for row in last)
    assert finished > questions / 2
    assert sum("score" in row for row in last) == min(score.sample or finished, finished)


def run(path: Path, folder: Path, *, keep_verdicts: bool = False) -> RunDirectory:
    source = question_source(path, Settings(), keep_verdicts=keep_verdicts)
    intake = take_in(path, source, Selection())
    assert not intake.survey.bad_count, intake.survey.bad
    directory = RunDirectory(folder)
    asyncio.run(execute(synthesis_job(intake, recipe(), directory), Watch()))
    return directory


def calls(directory: RunDirectory) -> dict[str, int]:
    ledger = directory.reader()
    try:
        return dict(ledger.query("SELECT stage, COUNT(*) FROM calls GROUP BY stage"))
    finally:
        ledger.close()


def test_the_eight_agents_lose_no_question_and_change_no_key(tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text(json.dumps(OWN))
    written = eight(tmp_path / "q.json", tmp_path)
    holds(written, 3)
    assert all(row["note"] == "kept" for rows in written for row in rows if row["id"] == "keyed")
    assert all("answer" not in row for row in written[-1] if row["id"] not in ("keyed", "bone"))


def test_a_run_takes_the_chains_of_a_file_as_generated(tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text(json.dumps(OWN))
    agent("generate", tmp_path / "q.json", tmp_path / "cots.json", "original")
    whole = run(tmp_path / "q.json", tmp_path / "whole")
    taken = run(tmp_path / "cots.json", tmp_path / "taken")
    assert "generate" not in calls(taken)
    assert {**calls(taken), "generate": calls(whole)["generate"]} == calls(whole)
    theirs, ours = (
        msgspec.json.decode(b"[" + b",".join(one.records_path.read_bytes().splitlines()) + b"]")
        for one in (whole, taken)
    )
    assert [record["chain_of_thought"] for record in ours] == [record["chain_of_thought"] for record in theirs]
    assert ours


@pytest.mark.parametrize("layout", ["original", "native"])
def test_verdicts_of_a_file_are_given_again_unless_they_are_kept(layout: str, tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text(json.dumps(OWN[:2]))
    agent("generate", tmp_path / "q.json", tmp_path / "cots.json", layout)
    agent("verify", tmp_path / "cots.json", tmp_path / "verified.json")
    again = run(tmp_path / "verified.json", tmp_path / "again")
    kept = run(tmp_path / "verified.json", tmp_path / "kept", keep_verdicts=True)
    assert calls(again)["verify"] >= 9
    assert calls(kept).get("verify", 0) < calls(again)["verify"] - 8
    assert again.records_path.read_bytes() == kept.records_path.read_bytes()


def test_a_kept_correct_that_contradicts_the_key_is_judged_again(tmp_path: Path) -> None:
    row = {**OWN[0], "model1_COT1": "It is A. Answer: A", "model1_COT2": "It is B. Answer: B"}
    row["correct"] = {name: row[name] for name in ("model1_COT1", "model1_COT2")}
    (tmp_path / "x.json").write_text(json.dumps([row]))
    (story,) = question_source(tmp_path / "x.json", Settings(), keep_verdicts=True)()
    assert isinstance(story, Story)
    assert [chain.verdict is None for chain in story.chains] == [True, False]


def test_rows_with_a_finished_chain_alone_are_no_input_of_a_run(tmp_path: Path) -> None:
    row = {"instruction": "Which?\nA. x\nB. y", "input": "", "output": "It is B. Answer: B"}
    (tmp_path / "x.json").write_text(json.dumps([row]))
    (error,) = question_source(tmp_path / "x.json", Settings())()
    assert "no generated ones" in str(error)


def test_the_eight_agents_on_real_questions_and_one_without_a_key(shared: Path, tmp_path: Path) -> None:
    rows: list[Any] = []
    for name in ("medqa", "medmcqa", "medxpertqa", "mmlu_medical", "pubmedqa"):
        found = [json.loads(line) for line in (shared / "data" / f"{name}.jsonl").read_text().splitlines()[:8]]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, found)))
        write_native(tmp_path / f"{name}.jsonl", Settings(records=True), tmp_path / f"{name}.native.jsonl")
        rows += (tmp_path / f"{name}.native.jsonl").read_text().splitlines()
    questions = [msgspec.json.decode(row) for row in rows]
    assert len(questions) == 40
    (tmp_path / "q.json").write_text(json.dumps([*questions, KEYLESS]))
    holds(eight(tmp_path / "q.json", tmp_path), 41)
    assert len(list(run(tmp_path / "generate.json", tmp_path / "run").records_path.read_bytes().splitlines())) > 20
