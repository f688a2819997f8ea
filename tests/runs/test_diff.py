"""Two runs side by side: what is counted, and which call is named as the cause of a difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from reasonmed.recipe.options import Recipe
from reasonmed.runs.diff import changes, overview, summary
from runs import questions, run
from support import prose, recipe, score, verdict

STAGES: dict[str, dict[str, Any]] = {
    "generate": {"temperatures": [0.7]},
    "route": {"easy": 0, "medium": 1, "dispute": False},
    "rank": {"keep": 1},
    "score": {"sample": None},
}
"""Three chains a question; one wrong chain makes it medium, and one right chain is kept."""
KEEP = {"conflicts": "keep"}


def scripted(folder: Path, *first: dict[str, str], **stages: dict[str, Any]) -> Recipe:
    """A recipe whose models answer by rules; the given ones come before those that are the same in every run."""
    rules = [
        *first,
        {"stage": "generate", "model": "made-up-1", "reply": f"gamma {prose('C')}"},
        {"stage": "generate", "model": "made-up-2", "reply": f"alpha {prose('A')}"},
        {"stage": "generate", "model": "made-up-3", "reply": f"beta {prose('A')}"},
        {"stage": "verify", "contains": "gamma", "reply": verdict("Error")},
        {"stage": "verify", "reply": verdict()},
        {"stage": "rank", "contains": "alpha", "reply": score(5)},
        {"stage": "rank", "reply": score(3)},
        {"stage": "refine", "contains": "alpha", "reply": f"better alpha {prose('A')}"},
        {"stage": "refine", "reply": f"better beta {prose('A')}"},
        {"stage": "optimize", "reply": f"written {prose('A')}"},
        {"stage": "summarize", "reply": "The answer is A. Heparin."},
        {"stage": "score", "reply": score(8)},
    ]
    folder.mkdir()
    path = folder / "replies.jsonl"
    path.write_text("\n".join(json.dumps(rule) for rule in rules), encoding="utf-8")
    made = recipe(**{**STAGES, **stages})
    models = {name: made.model(name).model_copy(update={"replies": path}) for name in made.models}
    return made.model_copy(update={"models": models})


def causes(folder: Path, one: Recipe, other: Recipe) -> list[str]:
    rows = questions(1)
    found = list(changes(run(folder / "a", rows, one), run(folder / "b", rows, other)))
    assert len(found) == 1
    return list(summary(found))


def test_the_ranking_is_the_cause_and_not_the_judge_of_the_rewrite_behind_it(tmp_path: Path) -> None:
    other = scripted(tmp_path / "2", {"stage": "rank", "contains": "alpha", "reply": score(1)})
    said = causes(tmp_path, scripted(tmp_path / "1"), other)
    assert said == ["changed: rank: another reply to the same request"]


def test_the_judge_of_a_rewrite_is_named_as_such(tmp_path: Path) -> None:
    other = scripted(tmp_path / "2", {"stage": "verify", "contains": "better", "reply": verdict("Error")})
    said = causes(tmp_path, scripted(tmp_path / "1"), other)
    assert said == ["changed: verify of a rewrite: another reply to the same request"]


def test_the_judge_of_a_chain_comes_before_everything_that_follows_from_it(tmp_path: Path) -> None:
    other = scripted(tmp_path / "2", {"stage": "verify", "contains": "beta", "reply": verdict("Error")})
    said = causes(tmp_path, scripted(tmp_path / "1"), other)
    assert said == ["changed: verify: another reply to the same request"]


def test_one_generator_more_is_a_call_of_one_run_only(tmp_path: Path) -> None:
    more = scripted(tmp_path / "2", generate={"temperatures": [0.7, 0.9]})
    assert causes(tmp_path, scripted(tmp_path / "1"), more) == ["changed: generate: asked in one run only"]


def test_another_question_text_is_another_request(tmp_path: Path) -> None:
    made = scripted(tmp_path / "1")
    (row,) = questions(1)
    one, other = (run(tmp_path / name, [replace(row, context=name)], made) for name in ("a", "b"))
    assert list(summary(list(changes(one, other)))) == ["changed: generate: another request"]


def test_another_key_is_the_cause_of_all_that_follows_from_it(tmp_path: Path) -> None:
    made = scripted(tmp_path / "1")
    (row,) = questions(1)
    one, other = (run(tmp_path / f"key{key}", [replace(row, answer=key)], made) for key in (0, 1))
    assert list(summary(list(changes(one, other)))) == ["removed: another key"]


def test_an_overview_counts_both_runs_and_the_questions_that_moved(tmp_path: Path) -> None:
    one = run(tmp_path / "a", questions(3), scripted(tmp_path / "1"))
    accepting = scripted(tmp_path / "2", {"stage": "verify", "contains": "gamma", "reply": verdict()}, verify=KEEP)
    other = run(tmp_path / "b", questions(1), accepting)
    found = overview(one, other)
    assert (found.old.questions, found.new.questions, found.shared) == (3, 1, 1)
    assert (found.old.tiers, found.new.tiers) == ({"medium": 1}, {"easy": 1})
    assert found.moved == {("medium", "easy"): 1}
    assert overview(one, one).moved == {}


def test_a_failure_for_another_reason_differs_where_it_is_asked_for(tmp_path: Path) -> None:
    one = run(tmp_path / "a", questions(1), scripted(tmp_path / "1", {"stage": "summarize", "reply": ""}))
    refused = scripted(tmp_path / "2", {"stage": "verify", "reply": "no verdict"})
    other = run(tmp_path / "b", questions(1), refused)
    seen: list[tuple[int, int]] = []
    assert not list(changes(one, other, lambda done, total: seen.append((done, total))))
    assert seen == [(0, 1), (1, 1)]
    found = list(changes(one, other, failures=True))
    assert [(change.question_id, change.kind) for change in found] == [("q0", "failed")]
