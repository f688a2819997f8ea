"""Each agent alone, file to file: what one writes, the next one reads, in both layouts."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from reasonmed.errors import QuestionError, RunDirectoryError, UsageError
from reasonmed.questions import Settings
from reasonmed.recipe.shipped import resource
from reasonmed.recipe.stages import specs
from reasonmed.runs.commands.stage import agent_job, needed
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.layouts import story_source
from reasonmed.runs.progress import Watch
from reasonmed.types import Story
from support import judged_story, recipe

SOURCE: list[dict[str, Any]] = [
    {"question": "Which drug?", "options": ["Heparin", "Warfarin", "Aspirin"], "answer": "Heparin"},
    {"question": "Which bone?", "options": ["Femur", "Tibia", "Fibula"], "answer": "C", "context": "An abstract."},
    {"question": "Which nerve?", "options": ["Ulnar", "Radial"], "answer": "Radial"},
]


def do(stage: str, path: Path, out: Path, layout: str | None = None, **options: Any) -> Any:
    intake = take_in(path, story_source(path, layout, Settings()), Selection())
    assert not intake.survey.bad_count, intake.survey.bad
    asyncio.run(execute(agent_job(stage, intake, recipe(**options), out, layout), Watch()))
    text = out.read_text(encoding="utf-8")
    return json.loads(text) if out.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


def sequence(folder: Path, stages: tuple[str, ...], layout: str | None, suffix: str, **options: Any) -> dict[str, Any]:
    """Run stages one after the other; gives what each wrote."""
    path = folder / "questions.json"
    path.write_text(json.dumps(SOURCE))
    written = {}
    for stage in stages:
        out = folder / f"{stage}{suffix}"
        written[stage] = do(stage, path, out, layout, **options)
        path = out
    return written


WHOLE = ("generate", "verify", "route", "rank", "refine", "optimize", "summarize", "score")


def test_the_native_sequence_ends_like_a_run(tmp_path: Path) -> None:
    written = sequence(tmp_path, WHOLE, None, ".jsonl", route={"dispute": False})
    assert [len(rows) for rows in written.values()] == [3] * 8
    for row in written["score"]:
        assert row["tier"] in ("easy", "medium", "difficult")
        assert all(kept["score"] and kept["response"] for kept in row["kept"])


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_the_originals_easy_sequence(tmp_path: Path, suffix: str) -> None:
    written = sequence(tmp_path, ("generate", "verify", "rank"), "original", suffix)
    row = written["generate"][0]
    names = [f"model{model}_COT{number}" for model in (1, 2, 3) for number in (1, 2, 3)]
    assert all(isinstance(row[name], str) and row[name] for name in names)
    judged = written["verify"][0]
    assert set(judged["correct"]) | set(judged["error"]) == set(names)
    assert set(judged["verification_reasons"]) == set(names)
    best = written["rank"][0]
    assert len(best["correct"]) <= 2
    assert set(best["correct"]) <= set(judged["correct"])
    assert best["error"] == judged["error"]


def test_the_originals_medium_sequence_hands_the_reasons_on(tmp_path: Path) -> None:
    written = sequence(tmp_path, ("generate", "verify", "rank", "refine", "summarize", "score"), "original", ".json")
    refined = written["refine"][0]
    assert {"question", "options", "answer", "model_choice", "COT"} <= set(refined)
    assert refined["verification_reasons"]
    summarized = written["summarize"][0]
    assert summarized["instruction"].startswith("Please answer the following multiple-choice question:\n")
    assert summarized["input"] == ""
    assert summarized["Response"]
    assert summarized["COT"] == summarized["output"]
    assert 1 <= written["score"][0]["score"] <= 10


def test_the_originals_difficult_sequence_makes_one_row_a_chain(tmp_path: Path) -> None:
    written = sequence(tmp_path, ("generate", "verify", "refine", "optimize"), "original", ".json")
    assert {row["question"] for row in written["optimize"]} <= {row["question"] for row in SOURCE}
    assert all(row["COT"] for row in written["optimize"])


def test_a_context_passage_stands_in_the_instruction(tmp_path: Path) -> None:
    row = {**SOURCE[1], "COT": "Thin and lateral. Answer: C", "model_choice": "model1_COT1"}
    (tmp_path / "in.json").write_text(json.dumps([row]))
    (done,) = do("summarize", tmp_path / "in.json", tmp_path / "out.json", "original")
    assert "question:\nAn abstract.\n\nWhich bone?\nA. Femur" in done["instruction"]
    assert done["context"] == "An abstract."


def test_a_failed_row_goes_on_as_a_failure_and_is_not_lost(tmp_path: Path) -> None:
    row = {
        **SOURCE[0],
        "model1_COT1": "It is B. Answer: B",
        "error": {"model1_COT1": "It is B. Answer: B"},
        "correct": {},
    }
    (tmp_path / "in.json").write_text(json.dumps([row]))
    intake = take_in(tmp_path / "in.json", story_source(tmp_path / "in.json", "original", Settings()), Selection())
    replies = tmp_path / "replies.jsonl"
    replies.write_text('{"reply": "no rewrite. Answer: B"}')
    made = recipe()
    never = made.model("two").model_copy(update={"replies": replies})
    made = made.model_copy(update={"models": {**made.models, "two": never}})
    asyncio.run(execute(agent_job("refine", intake, made, tmp_path / "out.json", "original"), Watch()))
    (failed,) = json.loads((tmp_path / "out.json").read_text())
    assert failed["failure"] == "unverified"
    (again,) = do("summarize", tmp_path / "out.json", tmp_path / "last.json", "original")
    assert again["failure"] == "unverified"


def test_the_same_command_again_asks_nothing_and_writes_the_same(tmp_path: Path) -> None:
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(SOURCE))
    do("generate", path, tmp_path / "cots.jsonl")
    before = (tmp_path / "cots.jsonl").read_bytes()
    do("generate", path, tmp_path / "cots.jsonl")
    assert (tmp_path / "cots.jsonl").read_bytes() == before


def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(SOURCE))
    with pytest.raises(UsageError, match="was not made by"):
        do("generate", path, path)


def test_an_agents_folder_is_not_another_agents(tmp_path: Path) -> None:
    path = tmp_path / "questions.json"
    path.write_text(json.dumps(SOURCE))
    do("generate", path, tmp_path / "out.jsonl")
    with pytest.raises(RunDirectoryError, match="was made by `generate`, not by `verify`"):
        do("verify", path, tmp_path / "out.jsonl")


def test_rank_passes_a_row_without_a_correct_chain_through(tmp_path: Path) -> None:
    row = {**SOURCE[0], "model1_COT1": "bad", "correct": {}, "error": {"model1_COT1": "bad"}}
    (tmp_path / "in.json").write_text(json.dumps([row]))
    (ranked,) = do("rank", tmp_path / "in.json", tmp_path / "out.json", "original")
    assert ranked["correct"] == {}
    assert ranked["error"] == {"model1_COT1": "bad"}


@pytest.mark.parametrize(("stage", "works_on"), [("refine", "medium"), ("optimize", "difficult")])
def test_rows_of_another_tier_pass_and_rows_without_one_are_treated(stage: str, works_on: str, tmp_path: Path) -> None:
    rows = []
    for number, tier in enumerate(["easy", "medium", "difficult", None]):
        row = {**SOURCE[0], "id": f"q{number}", "model1_COT1": "A chain.", "correct": {"model1_COT1": "A chain."}}
        rows.append({**row, **({"difficulty": tier} if tier else {})})
    (tmp_path / "in.json").write_text(json.dumps(rows))
    intake = take_in(tmp_path / "in.json", story_source(tmp_path / "in.json", "original", Settings()), Selection())
    job = agent_job(stage, intake, recipe(), tmp_path / "out.jsonl", "native")
    asyncio.run(execute(job, Watch()))
    told = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row.get("tier") for row in told if "rewrites" in row] == [works_on, None]


def test_candidates_are_the_kept_then_the_correct_then_the_best_wrong_chain(tmp_path: Path) -> None:
    rows: dict[str, dict[str, Any]] = {
        "two": {"correct": {"model1_COT1": "right one", "model1_COT2": "right two"}, "error": {"model2_COT1": "wrong"}},
        "none": {"correct": {}, "error": {"model1_COT1": "Answer: B", "model1_COT2": "Answer: A"}},
        "kept": {"COT": "kept one", "model_choice": "model1_COT1", "correct": {"model1_COT1": "right"}},
    }
    (tmp_path / "in.json").write_text(json.dumps([{**SOURCE[0], "id": name, **row} for name, row in rows.items()]))
    refined = do("refine", tmp_path / "in.json", tmp_path / "out.jsonl", "native")
    assert len(refined) == 3
    intake = story_source(tmp_path / "in.json", "original", Settings())
    assert [len(one.chains) for one in intake() if isinstance(one, Story)] == [3, 2, 1]


def test_labelled_chains_of_a_question_file_can_be_verified(tmp_path: Path) -> None:
    row = {**SOURCE[0], "cots": [{"model": "gpt-4", "text": "Clearly. Answer: A"}, {"model": "t5", "text": ""}]}
    (tmp_path / "in.jsonl").write_text(json.dumps(row))
    (judged,) = do("verify", tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert [chain.get("missing") for chain in judged["chains"]] == [None, "empty"]
    assert judged["chains"][0]["verdict"]["outcome"] in ("correct", "error")
    assert "cots" not in judged["question"].get("meta", {})


def test_published_rows_without_a_key_can_be_summarized(tmp_path: Path) -> None:
    row = {
        "instruction": "Please answer the following multiple-choice question:\nWhich drug?\nA. Heparin\nB. Warfarin",
        "input": "",
        "output": "It blocks vitamin K. Answer: B",
    }
    (tmp_path / "in.json").write_text(json.dumps([row]))
    (done,) = do("summarize", tmp_path / "in.json", tmp_path / "out.json", "original", summarize={"model": "two"})
    assert done["options"] == ["Heparin", "Warfarin"]
    assert done["Response"]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({**SOURCE[0], "correct": "all"}, "correct"),
        ({**SOURCE[0], "difficulty": "hard"}, "difficulty"),
        ({"question": "x", "model1_COT1": "y"}, "options"),
        ({"instruction": "no options here", "output": "x"}, "options"),
    ],
)
def test_rows_that_are_no_rows_of_the_original_are_named(row: dict[str, Any], field: str, tmp_path: Path) -> None:
    (tmp_path / "in.json").write_text(json.dumps([row]))
    (error,) = story_source(tmp_path / "in.json", "original", Settings())()
    assert isinstance(error, QuestionError)
    assert error.field == field


def test_a_torn_story_is_named_with_its_line(tmp_path: Path) -> None:
    import msgspec

    whole = msgspec.json.encode(judged_story("ccc"))
    (tmp_path / "in.jsonl").write_bytes(whole + b"\n" + whole[:50] + b'\n{"question": {"id": 3}}\n')
    found = list(story_source(tmp_path / "in.jsonl", None, Settings())())
    assert isinstance(found[0], Story)
    assert [error.line for error in found if isinstance(error, QuestionError)] == [2, 3]


def test_records_of_a_run_can_be_scored_again(tmp_path: Path) -> None:
    written = sequence(tmp_path, WHOLE[:-1], None, ".jsonl", route={"dispute": False})
    kept = written["summarize"][0]["kept"][0]
    record = {
        "id": "q#1",
        "question_id": "q",
        "question": "Which drug?",
        "options": ["Heparin", "Warfarin"],
        "answer_index": 0,
        "chain_of_thought": kept["text"],
        "response": kept["response"],
        "tier": "easy",
        "provenance": {"writer": "m"},
    }
    (tmp_path / "records.jsonl").write_text(json.dumps(record))
    (scored,) = do("score", tmp_path / "records.jsonl", tmp_path / "scored.jsonl")
    assert scored["kept"][0]["score"]


def test_every_agent_knows_the_stages_that_it_needs() -> None:
    for spec in specs():
        assert needed(spec.name)[0] == spec.name
        assert all(name in recipe().stages.names for name in needed(spec.name))


def test_the_shipped_questions_are_good() -> None:
    path = resource("examples", "questions.json")
    stories = list(story_source(path, None, Settings())())
    assert len(stories) >= 24
    assert all(isinstance(one, Story) and one.question.answer is not None for one in stories)
    assert sum(isinstance(one, Story) and one.question.context is not None for one in stories) == 1
    assert len({one.question.meta["subject"] for one in stories if isinstance(one, Story)}) > 15


def test_the_labelled_chains_go_through_verify(shared: Path, tmp_path: Path) -> None:
    labelled = [
        line for line in (shared / "data" / "cots" / "cots.jsonl").read_text().splitlines() if "thoughtsource" in line
    ]
    (tmp_path / "cots.jsonl").write_text("\n".join(labelled))
    rows = do("verify", tmp_path / "cots.jsonl", tmp_path / "verified.jsonl")
    chains = [chain for row in rows for chain in row["chains"]]
    assert len(chains) == 81
    assert {chain["verdict"]["outcome"] for chain in chains if "missing" not in chain} <= {
        "correct",
        "error",
        "undecided",
    }
    for row in rows:
        for chain in row["chains"]:
            concluded = chain.get("answer")
            if concluded is not None and concluded != row["question"]["answer"]:
                assert chain["verdict"]["outcome"] != "correct"
