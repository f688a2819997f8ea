from __future__ import annotations

import asyncio

import pytest

from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.pool import run
from reasonmed.errors import Drained, Unavailable
from reasonmed.types import Story
from support import question


def stories(count: int) -> list[Story]:
    return [Story(question(f"q{number}")) for number in range(count)]


async def test_no_more_than_so_many_are_under_way() -> None:
    now, most = 0, 0

    async def work(story: Story) -> Story:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return story

    done = [story async for story in run(stories(30), work, alive=4, stop=Stop())]
    assert len(done) == 30
    assert most == 4


async def test_a_service_that_is_away_stops_the_run_and_lets_the_others_end() -> None:
    stop, ended = Stop(), []

    async def work(story: Story) -> Story:
        await asyncio.sleep(0.001)
        if story.question.id == "q2":
            raise Unavailable("away")
        await asyncio.sleep(0.01)
        ended.append(story.question.id)
        return story

    done = [story async for story in run(stories(30), work, alive=4, stop=stop)]
    assert isinstance(stop.reason, Unavailable)
    assert {"q0", "q1", "q3"} <= set(ended)
    assert len(done) == len(ended) < 30


async def test_an_error_of_our_own_is_raised_when_the_others_have_ended() -> None:
    ended = []

    async def work(story: Story) -> Story:
        if story.question.id == "q0":
            raise ZeroDivisionError
        await asyncio.sleep(0.01)
        ended.append(story.question.id)
        return story

    with pytest.raises(ZeroDivisionError):
        _ = [story async for story in run(stories(5), work, alive=3, stop=Stop())]
    assert ended == ["q1", "q2"]


async def test_a_run_that_is_asked_to_stop_begins_nothing_new() -> None:
    stop, begun = Stop(), []

    async def work(story: Story) -> Story:
        begun.append(story.question.id)
        if len(begun) == 3:
            stop.ask(Drained("interrupted"))
        return story

    _ = [story async for story in run(stories(30), work, alive=1, stop=stop)]
    assert begun == ["q0", "q1", "q2"]
