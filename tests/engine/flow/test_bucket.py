"""A rate of so much a minute holds in every minute, wherever it begins, and little of it is left unused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.engine.flow.bucket import Bucket

MINUTE = 60.0


def spent(rate: float, amounts: list[float], pauses: list[float]) -> list[tuple[float, float]]:
    """When what was spent by somebody who spends as soon as it is allowed, and now and then pauses."""
    now, found = 0.0, []
    bucket = Bucket(rate, now)
    for amount, pause in zip(amounts, pauses, strict=True):
        now += pause
        while (wait := bucket.wait(amount, now)) > 0:
            now += max(wait, 1e-3)
        bucket.spend(amount, now)
        found.append((now, amount))
    return found


@settings(max_examples=60)
@given(
    rate=st.sampled_from([1.0, 3.0, 60.0, 1000.0]),
    drawn=st.lists(st.tuples(st.floats(0.01, 1.0), st.sampled_from([0.0, 0.0, 0.5, 20.0, 200.0])), max_size=80),
)
def test_no_minute_has_more_than_the_rate(rate: float, drawn: list[tuple[float, float]]) -> None:
    found = spent(rate, [max(1.0, share * rate) for share, _ in drawn], [pause for _, pause in drawn])
    for start, _ in found:
        assert sum(amount for at, amount in found if start <= at < start + MINUTE) <= rate + 1e-3


@pytest.mark.parametrize("rate", [1.0, 10.0, 500.0])
def test_the_rate_is_used(rate: float) -> None:
    found = spent(rate, [1.0] * int(3 * rate), [0.0] * int(3 * rate))
    assert found[-1][0] <= 3 * MINUTE


def test_what_is_given_back_can_be_spent() -> None:
    bucket = Bucket(60.0, 0.0)
    bucket.spend(60.0, 0.0)
    assert bucket.wait(6.0, 1.0) > 50
    bucket.spend(-60.0, 1.0)
    assert bucket.wait(6.0, 1.0) == 0.0


def test_more_than_the_rate_waits_for_an_empty_minute_and_then_goes() -> None:
    bucket = Bucket(100.0, 0.0)
    bucket.spend(1.0, 0.0)
    assert bucket.wait(500.0, 1.0) == pytest.approx(59.0)
    assert bucket.wait(500.0, 60.1) == 0.0


def test_what_is_given_back_late_makes_no_room_beyond_its_own_minute() -> None:
    bucket = Bucket(100.0, 0.0)
    bucket.spend(100.0, 0.0)
    bucket.spend(-80.0, 30.0)
    bucket.spend(80.0, 30.0)
    bucket.spend(20.0, 60.0)
    assert bucket.wait(1.0, 61.0) == pytest.approx(29.0)
