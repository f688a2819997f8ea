from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from reasonmed.backends.scripted import Scripted
from reasonmed.errors import CutReply, Drained, RequestRejected, UnparsableReply, VerdictConflict
from reasonmed.exchange import Completion, SamplingParameters
from reasonmed.parsing.thinking import Tags, split_thinking
from reasonmed.pipeline.agent import Agent, gather
from reasonmed.recipe.templates import Prompt
from support import Script, question


def agent(script: Script, temperature: float | None = 0.0) -> Agent:
    sampling = SamplingParameters(temperature, None, 100)
    return Agent(stage="rank", model="m", prompt=Prompt("rank"), sampling=sampling, complete=Scripted(script).complete)


VALUES = {"key": "B", "chain_of_thought": "c"}


def wants_yes(completion: Completion) -> str:
    if completion.text != "yes":
        raise UnparsableReply(f"it says {completion.text!r}")
    return completion.text


async def test_a_fixed_seed_moves_on_with_the_sample() -> None:
    script = Script(rank=["no", "yes", "yes", "yes"])
    seeded = Agent(**{**agent(script).__dict__, "sampling": SamplingParameters(0.7, None, 100, seed=7)})
    for sample in range(3):
        await seeded.ask(question(), VALUES, wants_yes, sample=sample)
    assert [(one.sampling.seed, one.sample, one.attempt) for one in script.asked] == [
        (7, 0, 0),
        (7, 0, 1),
        (8, 1, 0),
        (9, 2, 0),
    ]
    await agent(Script(rank="yes")).ask(question(), VALUES, wants_yes, sample=3)
    assert agent(script).request(question(), VALUES, sample=3).sampling.seed is None


async def test_a_bad_reply_is_asked_again_with_what_was_wrong() -> None:
    script = Script(rank=["no", "yes"])
    assert await agent(script).ask(question(), VALUES, wants_yes) == "yes"
    first, second = script.asked
    assert (first.attempt, second.attempt) == (0, 1)
    assert second.messages[:-2] == first.messages
    assert second.messages[-2].content == "no"
    assert "it says 'no'" in second.messages[-1].content
    assert second.sampling.temperature == pytest.approx(0.3)


async def test_a_recipes_own_marks_are_read_and_the_re_ask_quotes_the_reply_as_it_came() -> None:
    script = Script(rank=["[[no]]", "[[Is it no?]]yes"])
    own = replace(agent(script), tags=Tags("[[", "]]"))
    seen: list[str] = []

    def read(completion: Completion) -> str:
        seen.append(completion.text)
        split = split_thinking(completion.text)
        return wants_yes(Completion(split.text))

    assert await own.ask(question(), VALUES, read) == "yes"
    assert seen == ["<think>no</think>", "<think>Is it no?</think>yes"]
    assert script.asked[1].messages[-2].content == "[[no]]"


async def test_thinking_without_an_end_is_asked_once_with_twice_the_tokens_whatever_its_marks() -> None:
    for tags, opened in ((None, "[THINK]"), (None, "<think>"), (Tags("[[", "]]"), "[[")):
        script = Script(rank=[f"{opened}no, or", "yes"])
        assert await replace(agent(script), tags=tags).ask(question(), VALUES, wants_yes) == "yes"
        assert [(one.attempt, one.sampling.max_tokens) for one in script.asked] == [(0, 100), (0, 200)]


async def test_re_asks_end_after_two_and_grow_warmer() -> None:
    script = Script(rank="no")
    with pytest.raises(UnparsableReply):
        await agent(script, temperature=0.5).ask(question(), VALUES, wants_yes)
    assert [request.sampling.temperature for request in script.asked] == pytest.approx([0.5, 0.5, 0.6])
    assert [len(request.messages) for request in script.asked] == [1, 3, 3]


async def test_a_model_without_temperature_gets_none_on_a_re_ask() -> None:
    script = Script(rank=["no", "yes"])
    await agent(script, temperature=None).ask(question(), VALUES, wants_yes)
    assert script.asked[1].sampling.temperature is None


async def test_a_conflict_is_asked_again_once() -> None:
    script = Script(rank="no")

    def conflict(completion: Completion) -> str:
        raise VerdictConflict(completion.text)

    with pytest.raises(VerdictConflict):
        await agent(script).ask(question(), VALUES, conflict)
    assert len(script.asked) == 2


async def test_a_cut_reply_is_asked_once_with_twice_the_tokens() -> None:
    script = Script(rank=Completion("half", finish_reason="length"))

    def cut(completion: Completion) -> str:
        raise CutReply("cut", completion.finish_reason)

    with pytest.raises(CutReply):
        await agent(script).ask(question(), VALUES, cut)
    assert [request.sampling.max_tokens for request in script.asked] == [100, 200]
    assert script.asked[0].messages == script.asked[1].messages
    assert script.asked[0].key == script.asked[1].key


async def test_a_cut_reply_that_parses_is_taken() -> None:
    script = Script(rank=Completion("yes", finish_reason="length"))
    assert await agent(script).ask(question(), VALUES, wants_yes) == "yes"
    assert len(script.asked) == 1


async def test_a_rejected_request_is_not_asked_again() -> None:
    script = Script(rank=RequestRejected("too long", "context"))
    with pytest.raises(RequestRejected):
        await agent(script).ask(question(), VALUES, wants_yes)
    assert len(script.asked) == 1


async def test_an_empty_bad_reply_still_makes_a_valid_conversation() -> None:
    script = Script(rank=["", "yes"])
    await agent(script).ask(question(), VALUES, wants_yes)
    assert [message.role for message in script.asked[1].messages] == ["user", "assistant", "user"]
    assert all(message.content for message in script.asked[1].messages)


async def test_siblings_are_awaited_before_an_error_is_raised() -> None:
    finished = []

    async def slow() -> None:
        await asyncio.sleep(0.02)
        finished.append("slow")

    async def fails() -> None:
        raise Drained("stop")

    with pytest.raises(Drained):
        await gather([fails(), slow()])
    assert finished == ["slow"]


async def test_the_system_message_of_a_model_goes_first() -> None:
    script = Script(rank="yes")
    made = agent(script)
    request = Agent(**{**made.__dict__, "system": "Be a doctor."}).request(question(), VALUES)
    assert [message.role for message in request.messages] == ["system", "user"]
