"""An ending that gives an unreadable answer: re-asked once, then undecided, and never a record."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reasonmed.pipeline.stages.generate import generate
from reasonmed.pipeline.stages.optimize import optimize
from reasonmed.pipeline.stages.route import route
from reasonmed.pipeline.stages.summarize import summarize
from reasonmed.pipeline.stages.verify import verify
from reasonmed.pipeline.synthesize import synthesize
from reasonmed.types import Kept, Story, Tier
from support import WORDS, Script, chain, judged_story, prose, question, team, texts, verdict

UNREAD = f"{WORDS}\n\nAnswer: streptokinase"


async def test_such_a_chain_is_asked_for_once_more_with_what_was_wrong() -> None:
    script = Script(generate=lambda request: prose("B") if request.attempt else UNREAD)
    story = await generate(Story(question()), team(script))
    assert [one.answer for one in story.chains] == [1] * 9
    again = [request for request in script.asked if request.attempt]
    assert len(again) == 9
    assert 'its ending, "Answer: streptokinase", does not name exactly one of the options' in texts(again[:1])


async def test_a_second_such_reply_is_kept_as_a_chain_with_its_words() -> None:
    script = Script(generate=UNREAD)
    story = await generate(Story(question()), team(script))
    assert len(script.asked) == 18
    assert {(one.answer, one.unread, one.missing) for one in story.chains} == {(None, "Answer: streptokinase", None)}


async def test_such_a_chain_is_undecided_without_a_request() -> None:
    script = Script(verify=verdict("Correct"))
    story = await verify(Story(question(), (chain(UNREAD, None, None),)), team(script))
    assert [one.outcome for one in story.chains] == ["undecided"]
    assert "Answer: streptokinase" in story.chains[0].verdict.reason  # type: ignore[union-attr]
    assert script.asked == []


async def test_it_stays_undecided_where_the_tier_is_open() -> None:
    chains = tuple(chain(UNREAD, None, None, model=f"m{index % 3}") for index in range(9))
    script = Script(verify=verdict("Correct"), second_judge=verdict("Correct"))
    made = team(script)
    story = await route(await verify(Story(question(), chains), made), made)
    assert story.failure is not None
    assert story.failure.reason == "undecided"
    assert script.asked == []


@pytest.mark.parametrize(
    "ending", ["Answer: streptokinase", "The answer is none of these.", "\\boxed{x}", "Answer: A or C", "a) Heparin"]
)
async def test_no_record_comes_of_such_chains_whatever_the_judge_says(ending: str) -> None:
    script = Script(generate=f"{WORDS}\n\n{ending}", verify=verdict("Correct"), optimize=f"{WORDS}\n\n{ending}")
    story = await synthesize(Story(question()), team(script))
    assert story.failure is not None
    assert not story.kept


async def test_a_rewrite_with_such_an_ending_is_not_taken() -> None:
    story = replace(judged_story("eeeeeeeee"), tier=Tier.DIFFICULT)
    found = await optimize(story, team(Script(optimize=UNREAD, verify=verdict("Correct"), blind="B")))
    assert found.failure is not None
    assert "does not name exactly one of the options" in found.failure.detail


async def test_a_response_with_such_an_ending_is_dropped() -> None:
    kept = (Kept(text=prose("B"), model="m", parent=0),)
    story = replace(judged_story("ccccccccc"), kept=kept)
    found = await summarize(story, team(Script(summarize="Answer: B or C")))
    assert found.kept == ()
    assert "does not name exactly one of the options" in found.dropped[0].reason
