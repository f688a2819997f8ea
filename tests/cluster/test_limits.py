"""What shards share: money that no death gives twice, and rates that are not exceeded together."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from reasonmed import recipe as recipes
from reasonmed.cluster.limits import SharedLimits
from reasonmed.cluster.places import Session, write_session
from reasonmed.cluster.run import keys_of, split
from reasonmed.engine.flow.bucket import Bucket
from reasonmed.engine.flow.budget import Budget
from reasonmed.errors import BudgetReached, UsageError

CAP, BEFORE = 10.0, 1.0
NAMES = ("1-of-3", "2-of-3", "3-of-3")


class Holder:
    """A shard that spends what it is granted, copies now and then, and dies; its spending is what counts."""

    def __init__(self, name: str) -> None:
        self.name, self.holder = name, ""
        self.granted = self.used = self.copied = self.spent = 0.0

    def begin(self, limits: SharedLimits, *, whole: bool) -> None:
        found = self.holder if whole and self.holder else None
        used = self.used if found else self.copied
        self.holder = secrets.token_hex(4)
        begun = limits.begin(self.name, self.holder, found, used)
        assert begun.granted is not None
        self.granted, self.used = begun.granted, used + begun.lost

    def pay(self, limits: SharedLimits, amount: float) -> None:
        if self.used + amount > self.granted:
            self.granted += limits.more(self.name, self.holder, self.used + amount - self.granted)
        if self.used + amount <= self.granted:
            self.used += amount
            self.spent += amount


_STEPS = some.lists(
    some.tuples(some.integers(0, 2), some.sampled_from(["pay", "copy", "die", "die whole", "done", "driver"]),
                some.floats(0.01, 3)),
    max_size=40,
)  # fmt: skip


@settings(max_examples=25)
@given(_STEPS)
def test_the_money_is_never_exceeded_whoever_dies(steps: list[tuple[int, str, float]]) -> None:
    with TemporaryDirectory() as folder:
        run = Path(folder)
        (run / "shards").mkdir()
        write_session(run, Session("t", 0.0))
        limits = SharedLimits(folder, CAP, BEFORE, 3)
        shards = [Holder(name) for name in NAMES]
        for one in shards:
            one.begin(limits, whole=False)
        for number, what, amount in steps:
            one = shards[number]
            match what:
                case "pay":
                    one.pay(limits, amount)
                case "copy":
                    one.copied = one.used
                case "die" | "die whole":
                    one.begin(limits, whole=what == "die whole")
                case "done":
                    limits.done(one.name, one.holder, one.used)
                    one.copied, one.granted = one.used, one.used
                case _:
                    limits = SharedLimits(folder, CAP, BEFORE, 3)
            assert BEFORE + sum(each.spent for each in shards) <= CAP + 1e-9


@pytest.fixture
def limits(tmp_path: Path) -> SharedLimits:
    (tmp_path / "shards").mkdir()
    write_session(tmp_path, Session("t", 0.0))
    return SharedLimits(str(tmp_path), CAP, BEFORE, 3)


def test_what_a_dead_shard_did_not_account_for_is_lost_unless_its_own_ledger_is_found(limits: SharedLimits) -> None:
    limits.begin("1-of-3", "x", None, 0.0)
    granted = limits.more("1-of-3", "x", 0.5)
    assert granted == pytest.approx((CAP - BEFORE) / 6)
    begun = limits.begin("1-of-3", "y", None, 0.25)
    assert begun.granted == pytest.approx(granted)
    assert begun.lost == pytest.approx(granted - 0.25)
    assert limits.begin("1-of-3", "z", "y", 0.75) == (0.75, 0.0)


def test_open_requests_of_a_dead_shard_count_no_more_than_it_was_granted(limits: SharedLimits) -> None:
    limits.begin("1-of-3", "x", None, 0.0)
    granted = limits.more("1-of-3", "x", 0.5)
    begun = limits.begin("1-of-3", "y", "x", granted + 0.4, 0.6)
    assert begun.granted == pytest.approx(granted)
    assert begun.lost == pytest.approx(-0.4)
    paid = limits.begin("1-of-3", "z", "y", granted + 0.3, 0.1)
    assert paid.granted == pytest.approx(granted + 0.2), "what is recorded was paid"


def test_a_holder_that_was_replaced_gets_nothing(limits: SharedLimits) -> None:
    limits.begin("1-of-3", "x", None, 0.0)
    limits.begin("1-of-3", "y", None, 0.0)
    assert limits.more("1-of-3", "x", 0.1) == 0.0
    limits.done("1-of-3", "x", 0.0)
    assert limits.part() == pytest.approx(1 / 3)


def test_a_shard_that_ended_keeps_its_part_of_the_rates_for_a_minute(limits: SharedLimits) -> None:
    limits.begin("1-of-3", "x", None, 0.0)
    limits.done("1-of-3", "x", 0.0)
    assert limits.part() == pytest.approx(1 / 3)
    limits._ended["1-of-3"] -= 61  # noqa: SLF001 - a minute later
    assert limits.part() == pytest.approx(1 / 2)


async def test_a_budget_that_grows_asks_for_what_is_missing_and_one_asks_at_a_time() -> None:
    asked: list[float] = []

    async def grow(missing: float) -> float:
        asked.append(missing)
        await asyncio.sleep(0)
        return 1.0 if len(asked) < 3 else 0.0

    async def nothing(_: float) -> None:
        return

    budget = Budget(0.0, 0.0, nothing, nothing, grow)

    async def one() -> None:
        async with budget.reserve(0.5) as reservation:
            reservation.cost = 0.5

    await asyncio.gather(*(one() for _ in range(4)))
    assert budget.spent == 2.0
    assert len(asked) == 2
    with pytest.raises(BudgetReached):
        await one()


def test_a_bucket_with_another_rate_counts_what_was_spent_before() -> None:
    bucket = Bucket(60, 0.0)
    for second in range(30):
        bucket.spend(1, float(second))
    bucket.allow(30, 30.0)
    assert bucket.wait(1, 30.0) > 29
    bucket.allow(60, 30.0)
    assert bucket.wait(1, 30.0) < 1


MODEL = "{backend: openai, base_url: 'http://127.0.0.1:9/v1', model: M, limits: {%s}, api_key_env: SPLIT_KEY}"
TEXT = "models: {a: %s}\nstages: {generate: {models: [a]}, verify: {model: a}, route: {easy: 0, medium: 1}}\n"


def test_what_an_endpoint_bears_is_split_and_changes_no_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = recipes.parse(TEXT % (MODEL % "in_flight: 7, requests_per_minute: 60, output_tokens_per_minute: 900"))
    entry = split(whole, 3).model("a")
    assert (entry.limits.in_flight, entry.limits.requests_per_minute) == (3, 20)
    assert (entry.limits.output_tokens_per_minute, entry.limits.tokens_per_minute) == (300, None)
    assert entry.identity == whole.model("a").identity
    with pytest.raises(UsageError, match="--shards 60"):
        split(whole, 61)
    monkeypatch.setenv("SPLIT_KEY", "sk-nobody-sees-this")
    keys = keys_of({"a": entry})
    assert keys == {"SPLIT_KEY": "sk-nobody-sees-this"}
    assert "nobody" not in f"{keys} {keys!r}"
