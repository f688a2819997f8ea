from __future__ import annotations

import asyncio

import pytest

from reasonmed.backends.scripted import Scripted
from reasonmed.errors import Drained, Overloaded, RequestRejected, Unavailable, Unreachable
from reasonmed.limits import Gate, Gated, Meter, Retrying, Stop
from reasonmed.types import Completion, Message, Request
from support import Script


def request(stage: str = "generate") -> Request:
    return Request(model="m", messages=(Message("user", "x"),), stage=stage)


async def test_the_gate_lets_so_many_in_and_later_stages_first() -> None:
    gate, order = Gate(1), []

    async def work(name: str, rank: int) -> None:
        await gate.enter(rank)
        await asyncio.sleep(0)
        order.append(name)
        gate.leave()

    await asyncio.gather(work("first", 0), work("early", 0), work("early too", 0), work("late", 2), work("middle", 1))
    assert order == ["first", "late", "middle", "early", "early too"]


async def test_a_waiter_that_is_canceled_gives_its_place_on() -> None:
    gate = Gate(1)
    await gate.enter(0)
    waiting = asyncio.create_task(gate.enter(0))
    next_one = asyncio.create_task(gate.enter(0))
    await asyncio.sleep(0)
    gate.leave()
    waiting.cancel()
    await asyncio.wait_for(next_one, 1)


async def test_a_canceled_waiter_that_was_not_yet_called_is_passed_over() -> None:
    gate = Gate(1)
    await gate.enter(0)
    waiting = asyncio.create_task(gate.enter(0))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    gate.leave()
    await asyncio.wait_for(gate.enter(0), 1)


def retrying(script: Script, stop: Stop, tries: int = 5) -> Retrying:
    return Retrying(Scripted(script), stop, Meter(), tries=tries, longest=0.01)


async def test_a_service_that_falters_is_asked_again() -> None:
    script = Script(generate=[Overloaded("429"), Unreachable("reset"), "fine"])
    completion = await retrying(script, Stop()).complete(request())
    assert completion.text == "fine"


async def test_a_service_that_never_answers_ends_the_run_and_not_the_question() -> None:
    script = Script(generate=Unreachable("refused"))
    with pytest.raises(Unavailable, match="3 tries: refused"):
        await retrying(script, Stop(), tries=3).complete(request())


async def test_a_rejected_request_is_not_sent_again() -> None:
    script = Script(generate=RequestRejected("too long", "context"))
    with pytest.raises(RequestRejected):
        await retrying(script, Stop()).complete(request())
    assert len(script.asked) == 1


async def test_retry_after_is_honored() -> None:
    script = Script(generate=[Overloaded("429", retry_after=0.05), "fine"])
    loop = asyncio.get_running_loop()
    started = loop.time()
    await retrying(script, Stop()).complete(request())
    assert loop.time() - started >= 0.05


async def test_a_stop_ends_waiting_at_once_and_lets_nothing_new_out() -> None:
    script = Script(generate=Overloaded("429", retry_after=30))
    stop = Stop()
    layer = Retrying(Scripted(script), stop, Meter(), tries=5)
    waiting = asyncio.create_task(layer.complete(request()))
    await asyncio.sleep(0.01)
    stop.ask(Drained("interrupted"))
    with pytest.raises(Drained):
        await asyncio.wait_for(waiting, 1)
    gated = Gated(Scripted(script), Gate(1), stop, Meter(), {})
    with pytest.raises(Drained):
        await gated.complete(request())
    assert len(script.asked) == 1


async def test_the_first_reason_to_stop_counts() -> None:
    stop = Stop()
    first = Drained("one")
    stop.ask(first)
    stop.ask(Unavailable("two"))
    assert stop.reason is first


async def test_the_meter_counts_what_the_gate_lets_through() -> None:
    meter = Meter()
    script = Script(generate=[Completion("a", prompt_tokens=3, completion_tokens=2), Unreachable("reset")])
    gated = Gated(Scripted(script), Gate(1), Stop(), meter, {})
    await gated.complete(request())
    with pytest.raises(Unreachable):
        await gated.complete(request())
    traffic = meter.stages["generate"]
    assert (traffic.done, traffic.in_flight, traffic.waiting) == (1, 0, 0)
    assert (traffic.prompt_tokens, traffic.completion_tokens) == (3, 2)
