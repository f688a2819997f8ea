"""What is made of wrong chains of thought: preference pairs, labels, data for a judge."""

from __future__ import annotations

import json
from math import log
from pathlib import Path

import pytest

from exports import Export, read_lines
from reasonmed.export import Settings
from reasonmed.export._chains import judged
from reasonmed.export._sinks import Sinks
from reasonmed.export._view import Case
from reasonmed.export.formats.dpo import pairs
from reasonmed.parsing.answer import parse_answer
from reasonmed.runs.directory import RunDirectory
from reasonmed.types import ChainOfThought, Rewrite, Story, Verdict
from support import chain, question


def text(words: int, mark: str, option: str | None = None) -> str:
    return f"{mark} {'word ' * words}".strip() + (f"\n\nAnswer: {option}" if option else "")


def wrong(mark: str, answer: int | None, words: int = 90) -> ChainOfThought:
    option = None if answer is None else "ABCD"[answer]
    return chain(text(words, mark, option), answer, "error")


def right(mark: str, words: int = 90) -> ChainOfThought:
    return chain(text(words, mark, "B"), 1)


def case(*chains: ChainOfThought, barred: frozenset[str] = frozenset(), rewrites: tuple[Rewrite, ...] = ()) -> Case:
    return Case(Story(question(), chains, rewrites=rewrites), "train", (), barred)


def test_only_usable_verdicts_are_taught() -> None:
    good, bad = right("good"), wrong("bad", 0)
    conflicted = ChainOfThought("conflict " * 90, "m", 0, verdict=Verdict("correct", conflict=True))
    left_out = (
        chain("cut " * 90, 1, truncated=True),
        ChainOfThought("", "m", missing="empty"),
        chain("undecided " * 90, 1, "undecided"),
        chain("unjudged " * 90, 1, None),
        conflicted,
        right("barred"),
        chain("both ways " * 90, 1, "correct"),
        chain("both ways " * 90, 1, "error"),
        good,
    )
    found = judged(case(good, bad, *left_out, barred=frozenset({right("barred").text})))
    assert [one.id for one in found] == ["q1/chain-1", "q1/chain-2"]


def test_rewrites_with_a_verdict_count_too() -> None:
    rewrite = Rewrite("optimize", 1, None, wrong("rewritten", 2), "the judge calls it wrong")
    assert [one.id for one in judged(case(right("a"), rewrites=(rewrite,)))] == ["q1/chain-1", "q1/rewrite-1"]


def test_the_hardest_wrong_chains_come_first() -> None:
    lone, popular, same, broken = wrong("lone", 3), wrong("popular", 0), wrong("same", 0), wrong("broken", 1)
    made = list(pairs(case(lone, popular, right("r"), same, broken), Settings(), 0.0, Sinks(Path("unused"))))
    assert [row["id"] for row, _ in made] == ["q1/chain-5", "q1/chain-2", "q1/chain-4", "q1/chain-1"]
    assert [row["rank"] for row, _ in made] == [1, 2, 3, 4]


def test_lengths_of_chosen_and_rejected_balance_over_the_pairs() -> None:
    chains = [right("short", 70), right("long", 120), *(wrong(f"w{number}", 0, 90) for number in range(8))]
    made = list(pairs(case(*chains), Settings(), 0.0, Sinks(Path("unused"))))
    assert {row["chosen_id"] for row, _ in made} == {"q1/chain-1", "q1/chain-2"}
    assert abs(sum(pull for _, pull in made)) < log(120 / 70)
    pushed = list(pairs(case(*chains), Settings(), 5.0, Sinks(Path("unused"))))
    assert {row["chosen_id"] for row, _ in pushed} == {"q1/chain-1"}


def test_a_pair_of_very_unlike_lengths_is_left_out_and_counted() -> None:
    sinks = Sinks(Path("unused"))
    assert not list(pairs(case(right("short", 30), wrong("long", 0, 300)), Settings(), 0.0, sinks))
    assert not list(pairs(case(wrong("alone", 0)), Settings(), 0.0, sinks))
    assert sinks.left_out == {"length": 1, "no_right_chain": 1}


def test_chosen_ends_with_the_key_and_rejected_with_its_own_answer() -> None:
    ((row, _),) = pairs(case(right("r"), wrong("w", 3)), Settings(), 0.0, Sinks(Path("unused")))
    assert row["chosen"][0]["content"].endswith("\n\nAnswer: B. Warfarin")
    assert row["rejected"][0]["content"].endswith("\n\nAnswer: D. Alteplase")
    ((bare, _),) = pairs(case(right("r"), wrong("w", None)), Settings(), 0.0, Sinks(Path("unused")))
    assert "Answer:" not in bare["rejected"][0]["content"]


def test_pairs_of_a_run_are_of_one_question_and_their_reason_is_the_judges(
    exported: Export, run26: RunDirectory, tmp_path: Path
) -> None:
    exported(["dpo", "kto"])
    options = {row["question_id"]: row["options"] for row in read_lines(run26.records_path)}
    keys = {row["question_id"]: row["answer_index"] for row in read_lines(run26.records_path)}
    found = read_lines(tmp_path / "out" / "dpo" / "train.jsonl")
    assert len(found) > 20
    for row in found:
        assert row["chosen_id"].partition("/")[0] == row["id"].partition("/")[0] == row["question_id"]
        chosen, rejected = (
            parse_answer(row[name][0]["content"], options[row["question_id"]]) for name in ("chosen", "rejected")
        )
        assert chosen is not None
        assert chosen.option == keys[row["question_id"]]
        assert row["chosen"] != row["rejected"]
        assert rejected is not None
    labels = {row["id"]: row["label"] for row in read_lines(tmp_path / "out" / "kto" / "train.jsonl")}
    assert set(labels.values()) == {True, False}
    assert all(labels[row["chosen_id"]] and not labels[row["id"]] for row in found)


@pytest.mark.parametrize("outcome", ["Correct", "Error"])
def test_the_judges_data_is_the_prompt_and_reply_of_verify(exported: Export, tmp_path: Path, outcome: str) -> None:
    exported(["verifier"])
    found = read_lines(tmp_path / "out" / "verifier" / "train.jsonl")
    replies = [json.loads(row["completion"][0]["content"]) for row in found]
    assert all(set(reply) == {"verdict", "reason"} and reply["reason"] for reply in replies)
    assert [reply["verdict"] == "Correct" for reply in replies] == [row["label"] for row in found]
    assert outcome in {reply["verdict"] for reply in replies}
    assert all("Correct answer: " in row["prompt"][0]["content"] for row in found)
