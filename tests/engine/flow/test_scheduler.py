from __future__ import annotations

import asyncio
import time
from selectors import DefaultSelector, SelectorKey
from typing import Any

import pytest

from reasonmed.backends._prices import Price
from reasonmed.backends.scripted import Scripted
from reasonmed.engine.flow.budget import Budget
from reasonmed.engine.flow.dispatch import Dispatched
from reasonmed.engine.flow.endpoint import Endpoint, Estimate, Rates
from reasonmed.engine.flow.meter import Meter
from reasonmed.engine.flow.retrying import Retrying
from reasonmed.engine.flow.scheduler import Pool, Scheduler
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.flow.verdicts import Verdicts
from reasonmed.errors import Drained, Overloaded, RequestRejected, SetAside, Unavailable, Unreachable
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from support import Script

NOTHING = Estimate(0, 0)


class Control:
    """A control for one pool, with a short patience."""

    def __init__(
        self, *scripts: Script, places: int = 4, ceiling: int = 4, rates: Rates | None = None, **options: Any
    ) -> None:
        loop = asyncio.get_running_loop()
        self.stop, self.meter = Stop(), Meter()
        self.give_up = options.get("give_up", 30.0)
        self.scheduler = Scheduler(places, self.stop, loop.time, self.give_up)
        self.budget = options.get("budget") or Budget(None, 0.0, nothing, nothing)
        self.endpoints = [
            Endpoint(f"e{number}", Scripted(one), ceiling, rates or Rates(), loop.time)
            for number, one in enumerate(scripts)
        ]
        self.pool = Pool("m", self.endpoints)
        self.scheduler.add(self.pool)
        self.verdicts = Verdicts(self.scheduler, self.stop, self.meter, loop.time)
        self.layer = Dispatched(self.pool, self, options.get("price"))
        ceilings = {"server": 3, "network": 3, "timeout": 2}
        self.retrying = Retrying(
            self.layer,
            self.pool,
            stop=self.stop,
            meter=self.meter,
            ceilings=ceilings,
            give_up=self.give_up,
            clock=loop.time,
        )

    def rank(self, stage: str) -> int:
        return {"late": 2, "middle": 1}.get(stage, 0)


async def nothing(_: float) -> None:
    """Nothing to remember."""


def request(stage: str = "early", text: str = "x", limit: int = 100) -> Request:
    sampling = SamplingParameters(None, None, limit)
    return Request(model="m", messages=(Message("user", text),), sampling=sampling, stage=stage)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "reasonmed.engine.flow.retrying._FIRST_WAIT", dict.fromkeys(("rate", "server", "network", "timeout"), 0.001)
    )
    monkeypatch.setattr("reasonmed.engine.flow.breaker._FIRST_PROBE", 0.02)


async def test_later_stages_go_first_then_first_come_first_served() -> None:
    order: list[str] = []
    control = Control(Script(early="x", late="x", middle="x"), places=1)
    first = await control.scheduler.enter(control.pool, 0, NOTHING)

    async def one(name: str, stage: str) -> None:
        await control.layer.complete(request(stage))
        order.append(name)

    tasks = [
        asyncio.create_task(one(*pair)) for pair in (("a", "early"), ("b", "early"), ("c", "late"), ("d", "middle"))
    ]
    await asyncio.sleep(0)
    control.scheduler.leave(first)
    await asyncio.gather(*tasks)
    assert order == ["c", "d", "a", "b"]


async def test_a_canceled_waiter_gives_its_place_on() -> None:
    control = Control(Script(early="x"), places=1)
    first = await control.scheduler.enter(control.pool, 0, NOTHING)
    canceled = asyncio.create_task(control.scheduler.enter(control.pool, 0, NOTHING))
    waiting = asyncio.create_task(control.scheduler.enter(control.pool, 0, NOTHING))
    await asyncio.sleep(0)
    control.scheduler.leave(first)
    canceled.cancel()
    second = await asyncio.wait_for(waiting, 1)
    control.scheduler.leave(second)
    assert control.pool.in_flight == 0


async def test_no_more_requests_are_open_than_places_and_windows_allow() -> None:
    now, most = 0, 0

    class Slow:
        async def complete(self, _: Request) -> Completion:
            nonlocal now, most
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.002)
            now -= 1
            return Completion("x")

        async def aclose(self) -> None:
            """Nothing."""

    control = Control(Script(), places=7, ceiling=5)
    control.endpoints[0].backend = Slow()
    await asyncio.gather(*(control.layer.complete(request()) for _ in range(40)))
    assert most == 5


async def test_a_slow_model_leaves_places_to_the_others() -> None:
    loop = asyncio.get_running_loop()
    scheduler = Scheduler(16, Stop(), loop.time, 30)
    share = scheduler.share(2)
    assert share < 16
    pools = [Pool(name, [Endpoint(name, Scripted(Script()), share, Rates(), loop.time)]) for name in ("slow", "quick")]
    for pool in pools:
        scheduler.add(pool)
    waiting = [asyncio.create_task(scheduler.enter(pools[0], 0, NOTHING)) for _ in range(50)]
    await asyncio.sleep(0)
    assert pools[0].in_flight == share
    for _ in range(16 - share):
        await asyncio.wait_for(scheduler.enter(pools[1], 0, NOTHING), 1)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_several_addresses_share_the_requests_and_a_dead_one_is_left_out() -> None:
    alive, dead = Script(early="alive"), Script(early=Unreachable("refused"))
    control = Control(dead, alive, places=8, ceiling=4)
    replies = await asyncio.gather(*(control.retrying.complete(request(text=str(number))) for number in range(60)))
    assert {one.text for one in replies} == {"alive"}
    assert control.endpoints[0].breaker.open
    assert not control.endpoints[1].breaker.open
    assert len(dead.asked) < 20
    assert not control.pool.down


async def test_a_dead_address_that_comes_back_is_probed_back_in() -> None:
    script = Script(early=[*[Unreachable("refused")] * 6, "back"])
    control = Control(script)
    replies = await asyncio.gather(*(control.retrying.complete(request(text=str(number))) for number in range(5)))
    assert {one.text for one in replies} == {"back"}
    assert not control.pool.down


class Impatient(DefaultSelector):
    """Waits for no timer."""

    skipped = 0.0
    """Seconds that it did not wait."""

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        found = super().select(None if timeout is None else 0)
        self.skipped += 0.0 if found else timeout or 0.0
        return found


class Instant(asyncio.SelectorEventLoop):
    """A loop on whose clock the time of the next timer comes at once."""

    def __init__(self) -> None:
        self._impatient = Impatient()
        super().__init__(self._impatient)

    def time(self) -> float:
        return super().time() + self._impatient.skipped


def test_while_a_model_is_down_requests_wait_without_using_attempts() -> None:
    async def asked() -> list[Completion]:
        control = Control(Script(early=[*[Unreachable("refused")] * 12, "back"]))
        return await asyncio.gather(*(control.retrying.complete(request(text=str(n))) for n in range(3)))

    with asyncio.Runner(loop_factory=Instant) as runner:
        assert {one.text for one in runner.run(asked())} == {"back"}
        assert runner.get_loop().time() - time.monotonic() > 1.0, "it waited, on the loop's clock"


async def test_a_model_that_is_away_for_too_long_ends_the_run_and_no_question() -> None:
    control = Control(Script(early=Unreachable("refused")), give_up=0.2)
    waiting = [asyncio.create_task(control.retrying.complete(request(text=str(number)))) for number in range(6)]
    results = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert {type(one) for one in results} <= {Unavailable, Drained}
    assert isinstance(control.stop.reason, Unavailable) or any(isinstance(one, Unavailable) for one in results)


async def test_a_request_that_fails_alone_is_set_aside_and_others_go_on() -> None:
    def answer(asked: Request) -> str:
        if "poison" in asked.messages[0].content:
            raise Unreachable("500", "server")
        return "fine"

    control = Control(Script(early=answer))
    good = [asyncio.create_task(control.retrying.complete(request(text=f"good {number}"))) for number in range(30)]
    with pytest.raises(SetAside, match="failed 3 times"):
        await control.retrying.complete(request(text="poison"))
    assert {one.text for one in await asyncio.gather(*good)} == {"fine"}


async def test_refusals_wait_as_asked_and_hold_nobody_else() -> None:
    def answer(asked: Request) -> str:
        if "first" in asked.messages[0].content and not seen:
            seen.append(1)
            raise Overloaded("429", retry_after=0.15)
        return "fine"

    seen: list[int] = []
    control = Control(Script(early=answer))
    loop = asyncio.get_running_loop()
    started = loop.time()
    slow = asyncio.create_task(control.retrying.complete(request(text="first")))
    await asyncio.sleep(0)
    for number in range(20):
        await control.retrying.complete(request(text=str(number)))
    assert loop.time() - started < 0.1
    await slow
    assert loop.time() - started >= 0.15


async def test_a_rejected_request_is_not_sent_again_and_counts_as_an_answer() -> None:
    script = Script(early=RequestRejected("too long", "context"))
    control = Control(script)
    with pytest.raises(RequestRejected):
        await control.retrying.complete(request())
    assert len(script.asked) == 1
    assert control.meter.faults == {"context": 1}


async def test_a_rate_holds_requests_back() -> None:
    control = Control(Script(early="x"), places=50, ceiling=50, rates=Rates(requests=600))
    loop = asyncio.get_running_loop()
    started = loop.time()
    await asyncio.gather(*(control.layer.complete(request(text=str(number))) for number in range(63)))
    assert loop.time() - started >= 0.25


async def test_a_rate_of_tokens_learns_how_long_replies_are() -> None:
    reply = Completion("x", prompt_tokens=10, completion_tokens=10)
    control = Control(Script(early=reply), places=50, ceiling=50, rates=Rates(output_tokens=60_000))
    loop = asyncio.get_running_loop()
    started = loop.time()
    for number in range(30):
        await control.layer.complete(request(text=str(number), limit=5000))
    assert loop.time() - started < 1.0


async def test_headers_that_say_nothing_remains_hold_requests_until_the_reset() -> None:
    control = Control(Script(early="x"))
    endpoint = control.endpoints[0]
    endpoint._note_headers({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "100ms"})  # noqa: SLF001
    loop = asyncio.get_running_loop()
    started = loop.time()
    await control.layer.complete(request())
    assert loop.time() - started >= 0.09


async def test_a_pause_lets_nobody_go_and_a_stop_lets_everyone_who_waits_go_home() -> None:
    script = Script(early="x")
    control = Control(script)
    control.scheduler.pause(paused=True)
    waiting = [asyncio.create_task(control.layer.complete(request(text=str(number)))) for number in range(5)]
    await asyncio.sleep(0.01)
    assert script.asked == []
    control.scheduler.pause(paused=False)
    await asyncio.gather(*waiting)
    control.scheduler.pause(paused=True)
    late = asyncio.create_task(control.layer.complete(request(text="late")))
    await asyncio.sleep(0)
    control.stop.ask(Drained("interrupted"))
    with pytest.raises(Drained):
        await asyncio.wait_for(late, 1)


PRICE = Price(input=1.0, output=10.0)


def counted(tokens: int = 10) -> Completion:
    return Completion("x", prompt_tokens=10, completion_tokens=tokens)


async def test_the_worst_case_is_reserved_and_the_real_cost_settled() -> None:
    remembered: list[float] = []

    async def remember(bound: float) -> None:
        remembered.append(bound)

    budget = Budget(1.0, 0.0, remember, nothing)
    control = Control(Script(early=counted()), budget=budget, price=PRICE)
    await control.layer.complete(request())
    assert budget.spent == pytest.approx((10 * 1 + 10 * 10) / 1e6)
    assert budget.open == 0
    assert remembered[0] >= PRICE.worst(request())


async def test_a_cap_is_never_exceeded_and_is_used_up() -> None:
    one = PRICE.worst(request())
    budget = Budget(one * 5, 0.0, nothing, nothing)
    control = Control(Script(early=counted(50)), places=50, ceiling=50, budget=budget, price=PRICE)
    results = await asyncio.gather(
        *(control.layer.complete(request(text=str(number))) for number in range(50)), return_exceptions=True
    )
    paid = [one for one in results if isinstance(one, Completion)]
    assert 5 < len(paid) < 50
    assert budget.spent <= budget.cap  # type: ignore[operator]
    assert {type(one).__name__ for one in results} == {"Completion", "BudgetReached"}


async def test_a_try_that_leaves_no_reply_counts_at_its_worst() -> None:
    lost: list[float] = []

    async def lose(cost: float) -> None:
        lost.append(cost)

    budget = Budget(1.0, 0.0, nothing, lose)
    control = Control(
        Script(early=[Unreachable("timeout", "timeout"), Overloaded("429"), counted()]), budget=budget, price=PRICE
    )
    await control.retrying.complete(request())
    worst = PRICE.worst(request())
    assert lost == [pytest.approx(worst)]
    assert budget.spent == pytest.approx(worst + 110 / 1e6)


async def test_a_reply_without_counts_is_paid_at_its_worst() -> None:
    budget = Budget(1.0, 0.0, nothing, nothing)
    bare = Completion("x")
    control = Control(Script(early=bare), budget=budget, price=PRICE)
    await control.layer.complete(request())
    assert budget.spent == pytest.approx(PRICE.worst(request()))


def busy(pool: Pool, prefix: str, count: int) -> list[Endpoint]:
    """The endpoints that take so many requests one after another, none of which ends."""
    taken = []
    for _ in range(count):
        endpoint, _ = pool.pick(NOTHING, 0.0, prefix)
        assert endpoint is not None
        endpoint.begin(NOTHING, 0.0)
        taken.append(endpoint)
    return taken


def pool_of(count: int, ceiling: int = 64) -> Pool:
    return Pool(
        "m", [Endpoint(f"e{number}", Scripted(Script()), ceiling, Rates(), lambda: 0.0) for number in range(count)]
    )


def test_requests_that_share_a_prefix_go_to_one_address_while_it_has_no_more_than_its_share() -> None:
    pool = pool_of(4)
    for endpoint in pool.endpoints:
        endpoint.in_flight = 16
    first = busy(pool, "generate q1", 3)
    assert len({*first}) == 1
    homes = {busy(pool, f"generate q{number}", 1)[0].name for number in range(40)}
    assert len(homes) == 4


@pytest.mark.parametrize("addresses", [2, 3, 5])
def test_one_prefix_alone_loads_no_address_far_beyond_its_share(addresses: int) -> None:
    pool = pool_of(addresses)
    taken = busy(pool, "generate q1", 60)
    counts = [taken.count(endpoint) for endpoint in pool.endpoints]
    assert max(counts) <= 1.25 * 60 / addresses + 1
    assert sum(counts) == 60


def test_a_full_own_address_spills_over_and_a_failed_one_is_left_alone() -> None:
    pool = pool_of(2, ceiling=2)
    assert {endpoint.name for endpoint in busy(pool, "verify q1", 4)} == {"e0", "e1"}
    assert pool.pick(NOTHING, 0.0, "verify q1")[0] is None
    pool = pool_of(2)
    (own,) = busy(pool, "verify q1", 1)
    own.ended()
    own.failed(NOTHING, Unreachable("refused"), 0.0)
    assert busy(pool, "verify q1", 1) != [own]
    own.answered(NOTHING, Completion("x"), 0.0)
    assert pool.pick(NOTHING, 0.0, "verify q1")[0] is own
