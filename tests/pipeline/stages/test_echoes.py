"""A reply that gives the prompt's own words back is asked again, and then no judgment, no chain and no response."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from reasonmed.errors import UnparsableReply
from reasonmed.parsing.judgment import parse_verdict
from reasonmed.pipeline.stages._consensus import consensus
from reasonmed.pipeline.stages.generate import generate
from reasonmed.pipeline.stages.rank import rank
from reasonmed.pipeline.stages.score import score as scored
from reasonmed.pipeline.stages.summarize import summarize
from reasonmed.pipeline.stages.verify import verify
from reasonmed.recipe.templates import Prompt
from reasonmed.types import Kept, Story
from support import Script, chain, judged_story, own_prose, prose, question, team, texts, verdict

if TYPE_CHECKING:
    from pathlib import Path

ECHO = "Name the finding, the option or the step of this chain of thought that decided it."
ECHOES = (ECHO, "One or two sentences.", "<reason>", "")


@pytest.mark.parametrize("reason", ECHOES)
async def test_a_verdict_whose_reason_is_the_prompts_is_asked_again_then_undecided(reason: str) -> None:
    script = Script(verify=[verdict(reason=reason), verdict("Error", "The dose is wrong.")])
    story = await verify(Story(question(), (chain(outcome=None),)), team(script))
    assert story.chains[0].verdict is not None
    assert (story.chains[0].outcome, story.chains[0].verdict.reason) == ("error", "The dose is wrong.")
    script = Script(verify=verdict(reason=reason))
    story = await verify(Story(question(), (chain(outcome=None),)), team(script))
    assert len(script.asked) == 3
    assert story.chains[0].outcome == "undecided"
    assert story.chains[0].verdict is not None
    assert "no usable verdict" in story.chains[0].verdict.reason


async def test_the_words_of_the_re_ask_are_no_reason_either() -> None:
    script = Script(verify=verdict(reason="Reply again, in exactly the form that was asked for."))
    story = await verify(Story(question(), (chain(outcome=None),)), team(script))
    assert story.chains[0].outcome == "undecided"


async def test_a_judge_without_a_key_gives_its_own_reason_too() -> None:
    chains = tuple(chain(f"{index} {prose('B')}", 1, None, model=f"m{index % 3}") for index in range(9))
    story = await consensus(Story(question(answer=None), chains), team(Script(consensus=verdict(reason=ECHO))))
    assert story.failure is not None
    assert "accepts 0 of 9" in story.failure.detail


async def test_a_score_whose_justification_is_the_prompts_is_none() -> None:
    echo = "Name what in this very text earns or costs points."
    reply = json.dumps({"score": 5, "justification": echo})
    ranked = await rank(judged_story("cccceeeee"), team(Script(rank=reply)))
    assert {one.score for one in ranked.chains} == {None}
    assert ranked.chains[0].justification == "no score: echo"
    kept = (Kept(prose("B"), "m", 0, response="The answer is B."),)
    story = await scored(Story(question(), kept=kept), team(Script(score=reply), score={"model": "one"}))
    assert story.kept is not None
    assert story.kept[0].score is None


async def test_a_chain_or_response_that_is_the_instructions_is_none() -> None:
    copied = f"{Prompt('generate').fixed}\n\nAnswer: B. Warfarin"
    story = await generate(Story(question()), team(Script(generate=copied)))
    assert {one.missing for one in story.chains} == {"echo"}
    open_form = await generate(Story(question()), team(Script(generate=f"{prose('B')}\nAnswer: <letter>. <text>")))
    assert {one.missing for one in open_form.chains} == {"echo"}
    script = Script(summarize=f"{Prompt('summarize').fixed} The answer is B. Warfarin.")
    done = await summarize(Story(question(), kept=(Kept(prose("B"), "m", 0),)), team(script))
    assert done.failure is not None
    assert done.failure.reason == "no_response"
    assert "repeats the instructions" in texts(script.asked[-1:])


async def test_headings_from_the_steps_do_not_make_a_chain_an_echo() -> None:
    steps = "1. Restate the question: what exactly is asked? The drug for a clot. 2. Key details: a swollen leg. "
    story = await generate(Story(question()), team(Script(generate=lambda one: steps + str(own_prose("B")(one)))))
    assert all(one.missing is None for one in story.chains)


def test_shared_verdicts_with_a_reason_are_read_as_expected(shared: Path) -> None:
    path = shared / "cases" / "verdict.jsonl"
    if not path.is_file():
        pytest.skip(f"{path} is not at hand")
    wrong = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if not _is_object(row["input"]):
            continue
        try:
            found: str | None = parse_verdict(row["input"])[0]
        except UnparsableReply:
            found = None
        expected = row["expected"] if isinstance(row["expected"], list) else [row["expected"]]
        if found not in expected:
            wrong.append((row["id"], found, expected))
    assert wrong == []


async def test_shared_judges_that_fill_no_reason_in_are_undecided(shared: Path) -> None:
    path = shared / "cases" / "pipeline.jsonl"
    if not path.is_file():
        pytest.skip(f"{path} is not at hand")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    chosen = [row for row in rows if row["expected"] == "undecided"]
    assert len(chosen) >= 3
    for row in chosen:
        script = Script(verify=row["input"]["verify"])
        story = Story(question(answer=2), (chain(row["input"]["generate"], 2, None),))
        done = await verify(story, team(script))
        assert done.chains[0].outcome == "undecided", row["id"]


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


async def test_a_chain_that_gives_the_re_ask_back_with_what_was_wrong_is_missing() -> None:
    said = "This reply cannot be used: it copies the question. I will make a new question of my own instead."
    script = Script(generate=f"{said} {prose('B')}")
    story = await generate(Story(question()), team(script))
    assert {one.missing for one in story.chains} == {"echo"}
