from __future__ import annotations

import pytest
from msgspec.structs import replace

from reasonmed.errors import RequestRejected
from reasonmed.exchange import Completion, Request
from reasonmed.pipeline.stages.score import score
from reasonmed.pipeline.stages.summarize import summarize
from reasonmed.types import Kept, Story
from support import Script, judged_story, prose, question, team, texts
from support import score as points


def kept_story(count: int = 2) -> Story:
    kept = tuple(Kept(text=f"chain {number} {prose('B')}", model="m", parent=number) for number in range(count))
    return replace(judged_story("ccccccccc"), kept=kept)


async def test_the_summarizer_sees_question_options_key_and_chain() -> None:
    script = Script(summarize="Warfarin, because it blocks vitamin K.")
    story = await summarize(kept_story(), team(script))
    prompt = texts([script.asked[0]])
    for part in ("Which drug?", "D. Alteplase", "Correct answer: B. Warfarin", "chain 0"):
        assert part in prompt
    assert story.kept is not None
    assert [one.response for one in story.kept] == ["Warfarin, because it blocks vitamin K."] * 2


async def test_a_response_against_the_key_is_asked_again_then_dropped() -> None:
    def answer(request: Request) -> str:
        return "The answer is A." if "chain 0" in texts([request]) else "The answer is B."

    script = Script(summarize=answer)
    story = await summarize(kept_story(), team(script))
    assert story.kept is not None
    assert [one.parent for one in story.kept] == [1]
    assert [one.stage for one in story.dropped] == ["summarize"]
    assert "it answers A, but the answer is B" in story.dropped[0].reason
    assert story.failure is None


@pytest.mark.parametrize(
    "reply",
    ["", Completion("half a", finish_reason="length"), "I'm sorry, I cannot help.", RequestRejected("x", "filter")],
)
async def test_a_question_whose_responses_all_fail_is_a_failure(reply: str | Completion | Exception) -> None:
    story = await summarize(kept_story(), team(Script(summarize=reply)))
    assert story.failure is not None
    assert story.failure.reason == "no_response"
    assert story.kept == ()


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("It blocks the synthesis of clotting factors.", "does not say that the answer is B"),
        ("A. Heparin\nB. Warfarin\nC. Aspirin\nD. Alteplase", "does not name exactly one of the options"),
        ("A. The answer is B. Warfarin.", "begins with another option"),
        (prose("B"), "repeats the reasoning"),
    ],
)
async def test_a_response_that_does_not_state_the_answer_in_its_own_words_is_asked_again_then_dropped(
    reply: str, problem: str
) -> None:
    script = Script(summarize=reply)
    story = await summarize(kept_story(1), team(script))
    assert len(script.asked) == 3
    assert problem in texts(script.asked)
    assert problem in story.dropped[0].reason


async def test_a_response_states_the_answer_by_its_letter_or_its_text() -> None:
    for reply in ("B", "B. Warfarin, which blocks the clotting factors.", "Warfarin blocks the clotting factors."):
        story = await summarize(kept_story(1), team(Script(summarize=reply)))
        assert story.kept is not None
        assert [one.response for one in story.kept] == [reply]


async def test_thinking_is_no_part_of_a_response() -> None:
    story = await summarize(kept_story(1), team(Script(summarize="<think>hm</think>Warfarin it is.")))
    assert story.kept is not None
    assert story.kept[0].response == "Warfarin it is."


async def test_without_a_key_the_response_must_agree_with_its_chain() -> None:
    story = replace(kept_story(1), question=question(answer=None))
    script = Script(summarize=["The answer is C.", "The answer is B."])
    done = await summarize(story, team(script))
    assert "Correct answer" not in texts(script.asked)
    assert done.kept is not None
    assert done.kept[0].response == "The answer is B."


async def test_a_score_is_an_integer_of_one_to_ten_with_the_key_shown() -> None:
    script = Script(score=points(8))
    story = await score(
        replace(kept_story(1), kept=(replace((kept_story(1).kept or ())[0], response="Warfarin."),)), team(script)
    )
    assert story.kept is not None
    assert (story.kept[0].score, story.kept[0].scorer) == (8, "made-up-3")
    prompt = texts(script.asked)
    assert "Correct answer: B. Warfarin" in prompt
    assert "Warfarin." in prompt


@pytest.mark.parametrize("reply", ["none", points(0), points(11), '{"score": 8.5}', '{"score": true}'])
async def test_a_score_that_does_not_come_is_no_score(reply: str) -> None:
    story = await score(kept_story(1), team(Script(score=reply)))
    assert story.kept is not None
    assert story.kept[0].score is None
    assert "no score" in story.kept[0].justification
