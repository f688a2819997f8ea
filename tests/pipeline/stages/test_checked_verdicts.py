"""Verdicts that must hold: before a blind reader, with the options in another order, before a second judge."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from reasonmed import recipe as recipes
from reasonmed.errors import RecipeError, RequestRejected
from reasonmed.pipeline.stages.route import route
from reasonmed.pipeline.stages.verify import verify
from reasonmed.recipe.checks import doubts
from reasonmed.runs.rebuild import rebuild
from reasonmed.types import Opinion, Story, Tier
from runs import World, content, questions, run
from support import Script, chain, judged_story, prose, question, recipe, team, texts_of_request, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.exchange import Request
    from reasonmed.types import Verdict

READER = {"blind_model": "two"}


async def checked(script: Script, text: str = "", **options: Any) -> Verdict:
    story = Story(question(), (chain(text or prose("B"), 1, None),))
    (judged,) = (await verify(story, team(script, verify=options))).chains
    assert judged.verdict is not None
    return judged.verdict


async def test_a_blind_reader_that_reaches_the_key_lets_the_verdict_stand() -> None:
    script = Script(verify=verdict(), blind="It leads to it.\nAnswer: B")
    found = await checked(script, **READER)
    assert found.outcome == "correct"
    assert found.opinions == (Opinion("blind", "correct", "", "made-up-2"),)
    (request,) = script.of("blind")
    assert "Answer: B" not in texts_of_request(request).partition("<reasoning")[2]
    assert "Correct answer" not in texts_of_request(request)


async def test_a_blind_reader_that_reaches_another_option_makes_it_an_error_and_keeps_the_judges_word() -> None:
    found = await checked(Script(verify=verdict("Correct", "fine"), blind="Answer: C"), **READER)
    assert (found.outcome, found.reason) == ("error", "the blind reader reached C from the reasoning alone")
    assert found.opinions[0] == Opinion("judge", "correct", "fine", "made-up-1")
    assert found.opinions[1].kind == "blind"


@pytest.mark.parametrize("lost", ["", RequestRejected("too long", "context")])
async def test_a_blind_reader_without_a_usable_reply_leaves_it_undecided(lost: Any) -> None:
    found = await checked(Script(verify=verdict(), blind=lost), **READER)
    assert found.outcome == "undecided"
    assert found.opinions[-1].outcome == "undecided"


async def test_what_the_judge_rejects_is_not_read_blind() -> None:
    script = Script(verify=verdict("Error"))
    found = await checked(script, **READER, shuffle=True)
    assert found.outcome == "error"
    assert found.opinions == ()
    assert len(script.asked) == 1


async def test_a_chain_of_nothing_but_its_conclusion_does_not_pass_a_blind_reader() -> None:
    script = Script(verify=verdict())
    found = await checked(script, "Answer: B. Warfarin", **READER)
    assert (found.outcome, found.reason) == ("error", "without its conclusion there is no reasoning left")
    assert not script.of("blind")


async def test_a_verdict_that_holds_in_another_order_stands() -> None:
    script = Script(verify=verdict())
    found = await checked(script, shuffle=True)
    assert found.outcome == "correct"
    assert [one.kind for one in found.opinions] == ["shuffled"]
    first, second = map(texts_of_request, script.asked)
    assert "Correct answer: B. Warfarin" in first
    assert "Correct answer: B. Warfarin" not in second
    assert ". Warfarin" in second.partition("Correct answer:")[2]


async def test_a_verdict_that_turns_with_the_order_is_undecided_and_both_are_kept() -> None:
    found = await checked(Script(verify=[verdict(), verdict("Error", "now it is wrong")]), shuffle=True)
    assert (found.outcome, found.reason) == ("undecided", "now it is wrong")
    assert [(one.kind, one.outcome) for one in found.opinions] == [("judge", "correct"), ("shuffled", "error")]


async def test_options_that_depend_on_their_order_are_not_shuffled() -> None:
    script = Script(verify=verdict())
    asked = replace(question(), options=("Heparin", "Warfarin", "All of the above", "Aspirin"))
    done = await verify(Story(asked, (chain(prose("B"), 1, None),)), team(script, verify={"shuffle": True}))
    assert len(script.asked) == 1
    assert done.chains[0].outcome == "correct"


def second(outcomes: str, reply: str | list[str]) -> tuple[Script, Any, Story]:
    def by_model(request: Request) -> str:
        if request.model != "made-up-2":
            return verdict("Correct", "first again")
        return (
            reply if isinstance(reply, str) else reply[int(re.findall(r"text (\d) word", texts_of_request(request))[0])]
        )

    script = Script(verify=by_model)
    members = team(script, verify={"second_judge": "two"}, route={"dispute": False})
    return script, members, judged_story(outcomes)


@pytest.mark.parametrize("outcomes", ["cccccceee", "cceeeeeee", "cccceeeee"])
async def test_a_question_next_to_a_boundary_is_judged_a_second_time(outcomes: str) -> None:
    script, members, story = second(outcomes, verdict("Error", "second"))
    done = await route(story, members)
    borderline = outcomes.count("e") in (4, 5, 7, 8)
    assert len(script.of("verify")) == (9 if borderline else 0)
    kinds = {one.kind for found in done.chains if found.verdict for one in found.verdict.opinions}
    assert ("second" in kinds) == borderline


async def test_far_from_a_boundary_nobody_is_asked_again() -> None:
    script, members, story = second("ccccccccc", verdict())
    assert (await route(story, members)).tier == Tier.EASY
    assert script.asked == []


async def test_a_chain_is_right_only_where_nobody_calls_it_an_error() -> None:
    replies = [verdict("Error", "second says no"), *[verdict()] * 4, *[verdict("Error")] * 4]
    script, members, story = second("ccccceeee", replies)
    done = await route(story, members)
    assert done.tier == Tier.MEDIUM
    turned = done.chains[0].verdict
    assert turned is not None
    assert (turned.outcome, turned.reason) == ("error", "second says no")
    assert [(one.kind, one.outcome) for one in turned.opinions] == [("judge", "correct"), ("second", "error")]
    assert done.chains[5].outcome == "error"
    assert len(script.of("verify")) == 9


async def test_a_second_judge_without_a_verdict_changes_nothing() -> None:
    _, members, story = second("ccccceeee", "no json")
    done = await route(story, members)
    assert done.tier == Tier.EASY
    assert [one.outcome for one in done.chains] == [one.outcome for one in story.chains]
    assert all(one.verdict and one.verdict.opinions[0].outcome == "undecided" for one in done.chains)


async def test_a_second_judge_settles_what_the_first_left_open() -> None:
    _, members, story = second("cccccueee", verdict("Error", "settled"))
    done = await route(story, members)
    assert done.chains[5].outcome == "error"


def test_the_second_judge_must_be_another_model_and_known() -> None:
    with pytest.raises(RecipeError, match=r"second_judge: one is the judge; it must be another model"):
        recipe(verify={"second_judge": "one"})
    with pytest.raises(RecipeError, match=r"stages\.verify\.blind_model: there is no model 'nobody'"):
        recipe(verify={"blind_model": "nobody"})
    with pytest.raises(RecipeError, match=r"canaries: input should be less than or equal to 0\.5, not 0\.6"):
        recipe(verify={"canaries": 0.6})


def test_a_judge_that_also_generates_is_doubted_by_name() -> None:
    (doubt,) = doubts(recipe())
    assert "the judge made-up-1 also writes chains of thought" in doubt
    content = {
        "models": {name: {"backend": "scripted", "model": name} for name in ("a", "b")},
        "stages": {"generate": {"models": ["a"], "samples": 3}, "verify": {"model": "b"}},
    }
    assert not list(doubts(recipes.parse(json.dumps(content))))


EVERYTHING = {"canaries": 0.3, "blind_model": "two", "shuffle": True, "second_judge": "three"}


def test_a_run_with_every_check_resumes_and_is_rebuilt_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch, shuffle=3)
    made = recipe(verify=EVERYTHING)
    whole = run(tmp_path / "whole", questions(6), made)
    requests = world.requests
    world.paid.clear()
    for stop in range(30, requests, requests // 4):
        world.stop_after = stop
        run(tmp_path / "cut", questions(6), made)
    world.stop_after = None
    cut = run(tmp_path / "cut", questions(6), made)
    assert max(world.paid.values()) == 1
    assert content(cut) == content(whole)
    found = asyncio.run(rebuild(cut))
    assert found.identical
    assert not found.changed
    told = b"".join(content(cut))
    assert all(f'"kind":"{kind}"'.encode() in told for kind in ("judge", "blind", "shuffled", "second"))
    assert b"blind.md" in cut.manifest_path.read_bytes()
    assert "blind" in cut.manifest().prompts
