from __future__ import annotations

import asyncio
from collections import defaultdict

from reasonmed.backends._slots import Slots


async def served(slots: Slots, prefixes: list[str]) -> dict[int, list[str]]:
    """The prefixes that each slot saw, one after another."""
    seen: defaultdict[int, list[str]] = defaultdict(list)

    async def one(prefix: str) -> None:
        async with slots.one(prefix) as slot:
            seen[slot].append(prefix)
            await asyncio.sleep(0.001)

    await asyncio.gather(*map(one, prefixes))
    return seen


def evaluations(seen: dict[int, list[str]]) -> int:
    """How often a slot had to begin another prompt."""
    return sum(before != after for slot in seen.values() for before, after in zip(["", *slot], slot, strict=False))


async def test_each_shared_prompt_is_begun_once_where_there_are_as_many_as_slots() -> None:
    seen = await served(Slots(4), [f"q{number}" for number in range(8) for _ in range(6)])
    assert sum(map(len, seen.values())) == 48
    assert evaluations(seen) == 8
    assert len(seen) == 4


async def test_requests_of_one_question_use_every_slot_when_nothing_else_waits() -> None:
    assert len(await served(Slots(3), ["q1"] * 9)) == 3


async def test_unknown_prefixes_are_served_in_their_order() -> None:
    order: list[int] = []

    async def one(slots: Slots, number: int) -> None:
        async with slots.one(""):
            order.append(number)

    slots = Slots(1)
    await asyncio.gather(*(one(slots, number) for number in range(5)))
    assert order == list(range(5))


async def test_a_canceled_request_gives_its_slot_on() -> None:
    slots = Slots(1)
    held, entered = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with slots.one("a"):
            entered.set()
            await held.wait()

    first = asyncio.create_task(hold())
    await entered.wait()
    waiting = [asyncio.create_task(served(slots, ["a"])) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    held.set()
    await first
    assert [len(await one) for one in waiting[1:]] == [1, 1]
