"""Rows that wait for a model leave memory and are replayed, on rows that have nothing to do with medicine."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.job import Job, Kept
from reasonmed.engine.ledger import Ledger
from reasonmed.engine.pool import finish
from reasonmed.engine.turns import Turns
from reasonmed.errors import Drained, Parked, SetAside, Unavailable
from reasonmed.pipeline.agent import gather

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from reasonmed.engine.job import Models


@dataclass
class Doors:
    """A holder of doors, one open at a time; a name that it does not know is another's."""

    names: tuple[str, ...]
    open: str | None = None
    opened: list[str] = field(default_factory=list)

    def ready(self, wait: str) -> bool:
        return wait == self.open

    async def turn(self, waits: Mapping[str, int]) -> bool:
        wanted = next((name for name in self.names if waits.get(name)), None)
        if wanted is not None:
            self.open = wanted
            self.opened.append(wanted)
        return wanted is not None


class House:
    """Rows that go through doors, one after the other; what was passed once is passed."""

    def __init__(self, holder: Doors, way: Callable[[str], list[set[str]]]) -> None:
        self.holder, self.way = holder, way
        self.turns = Turns()
        self.turns.add(holder)
        self.passed: set[tuple[str, int, str]] = set()
        self.alive = self.most = self.begun = 0

    async def _pass(self, row: str, step: int, door: str) -> None:
        if (row, step, door) in self.passed:
            return
        await asyncio.sleep(0)
        if self.holder.open != door:
            raise Parked(frozenset({door}))
        self.passed.add((row, step, door))

    async def work(self, row: str) -> str:
        self.begun += 1
        self.alive += 1
        self.most = max(self.most, self.alive)
        try:
            for step, doors in enumerate(self.way(row)):
                await gather(self._pass(row, step, door) for door in sorted(doors))
        finally:
            self.alive -= 1
        return row

    async def done(self, ledger: Ledger, stop: Stop | None = None) -> list[str]:
        job = job_of(lambda _: self.work)

        def rows() -> Iterator[str]:
            return ledger.pending(job.decode)

        found = finish(job, rows, ledger, {}, alive=4, stop=stop or Stop(), turns=self.turns)
        return [one.key async for one in found if isinstance(one, Kept)]


def job_of(work: Callable[[Models], Callable[[str], Awaitable[str]]]) -> Job[str, str]:
    return Job(
        key=str,
        hash=str.encode,
        encode=str.encode,
        decode=bytes.decode,
        renewed=lambda *_: None,
        keep=lambda row: Kept(row, None, None, 0, 0, 0, 0, 0, 0, 0, row.encode()),
        work=work,
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "ledger.db")) as made:
        made.admit(job_of(lambda _: House(Doors(()), lambda _: []).work), [(f"r{n:03}", True) for n in range(300)], "x")
        yield made


async def test_every_row_is_done_though_one_door_is_open_at_a_time(ledger: Ledger) -> None:
    house = House(Doors(("a", "b", "c")), lambda _: [{"a"}, {"b"}, {"c"}])
    assert sorted(await house.done(ledger)) == [f"r{n:03}" for n in range(300)]
    assert house.holder.opened == ["a", "b", "c"]
    assert house.most == 4
    assert house.begun == 4 * 300
    assert not house.turns.parked


async def test_siblings_wait_for_all_their_doors_and_go_on_with_the_first(ledger: Ledger) -> None:
    house = House(Doors(("a", "b", "c"), open="a"), lambda _: [{"a", "b", "c"}, {"b"}])
    assert len(await house.done(ledger)) == 300
    assert house.holder.opened == ["b", "c", "b"]


async def test_a_row_that_is_set_aside_keeps_no_other_one_from_its_door(ledger: Ledger) -> None:
    house = House(Doors(("a",)), lambda _: [{"a"}])
    work = house.work

    async def once_aside(row: str) -> str:
        if row == "r007":
            raise SetAside("refused")
        return await work(row)

    stop = Stop()
    found = finish(
        job_of(lambda _: once_aside),
        lambda: ledger.pending(bytes.decode),
        ledger,
        {},
        alive=4,
        stop=stop,
        turns=house.turns,
    )
    assert len([one async for one in found]) == 299
    assert isinstance(stop.reason, SetAside)


async def test_who_cannot_open_a_door_stops_the_run(ledger: Ledger) -> None:
    class Stuck(Doors):
        async def turn(self, waits: Mapping[str, int]) -> bool:
            raise Unavailable(f"cannot open any of {sorted(waits)}")

    stop = Stop()
    assert await House(Stuck(("a",)), lambda _: [{"a"}]).done(ledger, stop) == []
    assert str(stop.reason) == "cannot open any of ['a']"
    assert ledger.count_pending() == 300


async def test_a_run_that_is_to_end_waits_for_no_door(ledger: Ledger) -> None:
    stop, gone = Stop(), []

    class Slow(Doors):
        async def turn(self, waits: Mapping[str, int]) -> bool:
            stop.ask(Drained("interrupted"))
            try:
                await asyncio.sleep(60)
            finally:
                gone.append(sorted(waits))
            return True

    assert await House(Slow(("a",)), lambda _: [{"a"}]).done(ledger, stop) == []
    assert gone == [["a"]]


async def test_a_door_that_nobody_opens_is_an_error_of_our_own(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError, match="nobody makes ready what rows wait for: z"):
        await House(Doors(("a",)), lambda _: [{"z"}]).done(ledger)


async def test_a_door_that_opens_by_itself_meanwhile_lets_rows_through(ledger: Ledger) -> None:
    """Such as replies that a provider has ready after a while: no turn is needed."""
    house = House(Doors(()), lambda row: [{"late"}] if row < "r100" else [])
    house.holder.open = None
    work = house.work

    async def opening(row: str) -> str:
        if row == "r250":
            house.holder.open = "late"
        return await work(row)

    found = finish(
        job_of(lambda _: opening),
        lambda: ledger.pending(bytes.decode),
        ledger,
        {},
        alive=4,
        stop=Stop(),
        turns=house.turns,
    )
    assert len([one async for one in found]) == 300
    assert house.holder.opened == []


async def test_siblings_that_wait_are_one_wait_and_any_other_error_goes_before() -> None:
    async def fail(error: Exception) -> None:
        raise error

    a, b = Parked(frozenset("a")), Parked(frozenset("b"))
    with pytest.raises(Parked) as parked:
        await gather([fail(a), asyncio.sleep(0), fail(b)])
    assert parked.value.waits == {"a", "b"}
    with pytest.raises(SetAside):
        await gather([fail(a), fail(SetAside("x")), fail(b)])
