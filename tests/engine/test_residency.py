"""Models that share memory: who comes in, who has to go, and what waits; on models that only count."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.pool import run
from reasonmed.engine.residency import Residency, Turned
from reasonmed.engine.turns import Replayed, Turns
from reasonmed.errors import Drained, Parked, ReasonMedError, Unavailable
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from reasonmed.pipeline.agent import gather

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

ASKED = Request(
    model="m", messages=(Message("user", "x"),), sampling=SamplingParameters(), stage="generate", question_id="q"
)


class Memory:
    """Memory with room for so many models; loading more is an error."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.inside: list[str] = []
        self.loaded: list[str] = []


class Model:
    """A model that answers while it is in memory, and cannot come in where there is no room."""

    def __init__(self, name: str, memory: Memory, fails: Exception | None = None) -> None:
        self.name, self.memory, self.fails = name, memory, fails

    async def open(self) -> None:
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        assert len(self.memory.inside) < self.memory.room
        self.memory.inside.append(self.name)
        self.memory.loaded.append(self.name)

    async def close(self) -> None:
        self.memory.inside.remove(self.name)

    async def complete(self, _: Request) -> Completion:
        assert self.name in self.memory.inside
        await asyncio.sleep(0)
        return Completion(self.name)

    async def aclose(self) -> None:
        """Nothing to release."""


class Box:
    """Models in the order of their turns, and rows that ask them."""

    def __init__(self, names: Sequence[str], room: int = 1, before: Sequence[str] = ()) -> None:
        self.memory, self.stop, self.noted = Memory(room), Stop(), 0
        self.residency = Residency(room, self.stop, Turned(open=[*before]), self._note)
        self.turns = Turns()
        self.turns.add(self.residency)
        self.models = {}
        for name in names:
            model = Model(name, self.memory)
            self.models[name] = self.residency.add(name, [model], model)
        self.asked: Counter[tuple[int, int, str]] = Counter()

    async def _note(self, _: Turned) -> None:
        self.noted += 1

    async def _ask(self, row: int, step: int, name: str) -> None:
        if not self.asked[row, step, name]:
            await self.models[name].complete(ASKED)
            self.asked[row, step, name] += 1

    async def go(self, ways: Sequence[Sequence[Sequence[str]]], alive: int = 3) -> list[int]:
        """Rows that ask models step by step, those of a step at once; gives the rows that were done."""

        async def work(row: int) -> int | None:
            try:
                for step, names in enumerate(ways[row]):
                    await gather(self._ask(row, step, name) for name in names)
            except Parked as parked:
                source.park(row, parked.waits)
                return None
            return row

        source = Replayed(lambda: range(len(ways)), str, self.turns)
        found = run(source, work, alive=alive, stop=self.stop, turn=source.turn)
        return sorted([row async for row in found if row is not None])


async def test_a_model_stays_until_nothing_more_can_be_done_with_it() -> None:
    box = Box("abc")
    assert await box.go([["a", "b", "c"]] * 9) == [*range(9)]
    assert box.memory.loaded == ["a", "b", "c"]
    turned = box.residency.turned
    assert (turned.switches, turned.open, turned.waiting) == (2, ["c"], {"c": 9})
    assert [(one.model, one.questions, one.stage) for one in turned.openings] == [
        ("a", 0, "generate"),
        ("b", 9, "generate"),
        ("c", 9, "generate"),
    ]
    assert box.noted == 3


async def test_a_model_that_later_stages_ask_too_has_its_turn_when_all_of_them_wait() -> None:
    """Editor and author write before the judge, who is to read what both wrote, comes in again."""
    box = Box(["generator", "editor", "author", "judge", "writer"])
    medium = [["generator"], ["judge"], ["editor"], ["judge"], ["writer"]]
    difficult = [["generator"], ["judge"], ["author"], ["judge"], ["author"], ["judge"], ["writer"]]
    assert await box.go([medium, difficult] * 5) == [*range(10)]
    assert box.memory.loaded == ["generator", "judge", "editor", "author", "judge", "author", "judge", "writer"]


async def test_with_room_for_two_the_one_that_is_asked_last_stays() -> None:
    box = Box(["a", "b", "judge"], room=2)
    assert await box.go([[["a", "b"], ["judge"]]] * 5) == [*range(5)]
    assert box.memory.loaded == ["a", "b", "judge"]
    assert box.residency.turned.open == ["b", "judge"]


async def test_a_session_goes_on_with_the_model_that_was_open() -> None:
    box = Box(["a", "judge", "z"], before=["judge"])
    box.asked.update([(1, 0, "a"), (2, 0, "a"), (2, 1, "judge")])
    assert await box.go([[["a"], ["judge"], ["z"]]] * 3, alive=1) == [0, 1, 2]
    assert box.memory.loaded == ["judge", "a", "judge", "z"]


async def test_where_nothing_is_left_for_that_model_the_first_turn_chooses() -> None:
    box = Box("ab", before=["gone"])
    assert await box.go([["b"], ["a"]]) == [0, 1]
    assert box.memory.loaded == ["a", "b"]


@settings(max_examples=40)
@given(
    ways=st.lists(st.lists(st.sets(st.sampled_from("abcde"), min_size=1), max_size=5), max_size=12),
    room=st.integers(1, 3),
    alive=st.integers(1, 4),
)
def test_whatever_rows_ask_all_are_done_and_asked_once(ways: list[list[set[str]]], room: int, alive: int) -> None:
    async def gone() -> None:
        box = Box("abcde", room)
        assert await box.go([[sorted(step) for step in way] for way in ways], alive) == [*range(len(ways))]
        assert {*box.asked.values()} <= {1}
        assert sum(box.asked.values()) == sum(len(step) for way in ways for step in way)
        assert len(box.memory.loaded) <= sum(box.asked.values())
        assert box.residency.turned.switches == max(0, len(box.memory.loaded) - room)

    asyncio.run(gone())


@settings(max_examples=25)
@given(ways=st.lists(st.sets(st.sampled_from("abcde")).map(sorted), max_size=12))
def test_rows_that_ask_in_the_order_of_turns_open_each_model_once(ways: list[list[str]]) -> None:
    async def gone() -> None:
        box = Box("abcde", before=["nothing"])
        await box.go(ways)
        assert box.memory.loaded == sorted({name for way in ways for name in way})

    asyncio.run(gone())


@pytest.mark.parametrize("way", [["b"], ["a", "b"]])
async def test_a_service_that_does_not_come_up_stops_the_run_and_another_error_is_raised(way: list[str]) -> None:
    def box_with(error: Exception) -> Box:
        box = Box("a")
        model = Model("b", box.memory, error)
        box.models["b"] = box.residency.add("b", [model], model)
        return box

    away = box_with(Unavailable("did not load"))
    assert await away.go([way] * 5) == []
    assert str(away.stop.reason) == "did not load"
    with pytest.raises(ReasonMedError, match="no such file"):
        await box_with(ReasonMedError("no such file")).go([way] * 5)


async def test_nobody_waits_for_a_model_to_load_once_the_run_is_to_end() -> None:
    box = Box("")

    class Slow(Model):
        async def open(self) -> None:
            box.stop.ask(Drained("interrupted"))
            await asyncio.sleep(60)

    slow = Slow("a", box.memory)
    layer = box.models["a"] = box.residency.add("a", [slow], slow)
    waiting: Awaitable[list[int]] = box.go([["a"]])
    assert await asyncio.wait_for(waiting, 10) == []
    await layer.aclose()
    assert not box.memory.loaded
