from __future__ import annotations

import pytest

from reasonmed.engine.flow.breaker import Breaker
from reasonmed.engine.flow.bucket import Bucket
from reasonmed.engine.flow.window import Window


def rounds(window: Window, count: int, *, refused: float, now: float = 0.0) -> None:
    """So many rounds of replies, of which a share is refused, with the window always full."""
    for _ in range(count):
        total = max(16, int(window.size) + 1)
        for number in range(total):
            tell = window.refused if number < refused * total else window.ok
            tell(now, int(window.size))


def test_a_window_begins_at_its_ceiling_and_stays_there() -> None:
    window = Window(512)
    rounds(window, 5, refused=0.0)
    assert window.size == 512


def test_stray_refusals_do_not_shrink_a_window() -> None:
    window = Window(512)
    rounds(window, 20, refused=0.05)
    assert window.size == 512


def test_many_refusals_shrink_it_until_few_are_left() -> None:
    window = Window(512)
    rounds(window, 3, refused=0.5)
    assert window.size == pytest.approx(512 * 0.75**3, rel=0.05)


def test_it_finds_the_size_that_an_endpoint_bears() -> None:
    window = Window(512)
    for now in range(300):
        total = int(window.size)
        for number in range(max(16, total)):
            tell = window.refused if number >= 100 else window.ok
            tell(float(now), total)
    assert 75 <= window.size <= 125


def test_it_grows_back_in_steps_and_slowly_near_the_size_that_failed() -> None:
    window = Window(320)
    rounds(window, 1, refused=0.5)
    small = window.size
    rounds(window, 1, refused=0.0)
    assert window.size == small + 10
    rounds(window, 4, refused=0.0)
    near = window.size
    rounds(window, 1, refused=0.0)
    assert window.size == near + 1
    rounds(window, 1, refused=0.0, now=100.0)
    assert window.size > near + 5


def test_it_does_not_grow_while_it_is_not_in_use_and_never_below_one() -> None:
    window = Window(100)
    rounds(window, 40, refused=1.0)
    assert window.size == 1
    for _ in range(100):
        window.ok(0.0, 0)
    assert window.size <= 2


def test_a_person_may_lower_and_raise_the_ceiling() -> None:
    window = Window(100)
    window.limit(10)
    assert window.size == 10
    window.limit(50)
    assert window.ceiling == window.size == 50


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = Bucket(600, now=0.0)
    for _ in range(60):
        assert bucket.wait(1, 0.0) == 0
        bucket.spend(1, 0.0)
    assert bucket.wait(1, 0.0) == pytest.approx(0.1)
    assert bucket.wait(1, 0.1) == pytest.approx(0.0)


def test_what_was_estimated_too_high_is_given_back() -> None:
    bucket = Bucket(6000, now=0.0)
    bucket.spend(600, 0.0)
    assert bucket.wait(500, 0.0) == pytest.approx(5.0)
    bucket.spend(-550, 0.0)
    assert bucket.wait(500, 0.0) == 0


def test_a_request_larger_than_a_bucket_waits_until_it_is_full_and_one_above_the_rate_for_a_minute() -> None:
    bucket = Bucket(60, now=0.0)
    bucket.spend(6, 0.0)
    assert bucket.wait(20, 0.0) == pytest.approx(6.0)
    assert bucket.wait(1000, 0.0) == pytest.approx(60.0)
    bucket.spend(1000, 6.0)
    assert bucket.wait(1, 6.0) == pytest.approx(1000 - 6 + 1)


def test_a_breaker_opens_after_failures_in_a_row_and_lets_probes_out() -> None:
    breaker = Breaker(0.0)
    for _ in range(4):
        breaker.failed(1.0, sent=0.5)
    breaker.succeeded(1.0)
    for _ in range(4):
        breaker.failed(2.0, sent=1.0)
    states = [breaker.open]
    breaker.failed(2.0, sent=1.0)
    states.append(breaker.open)
    assert states == [False, True]
    assert breaker.wait(2.0) == pytest.approx(1.0)
    breaker.sent(3.0)
    assert breaker.wait(3.0) > 0
    breaker.failed(3.5, sent=3.0)
    assert breaker.wait(3.5) == pytest.approx(2.0)
    breaker.sent(5.5)
    breaker.succeeded(5.6)
    assert not breaker.open
    assert breaker.last_success == 5.6


def test_only_a_failed_probe_doubles_the_pause() -> None:
    """A short outage under a hundred open requests is one short pause, not thirty seconds."""
    breaker = Breaker(0.0)
    for number in range(100):
        breaker.failed(10.0 + number / 1000, sent=9.0)
    assert breaker.wait(10.1) <= 1.0
    breaker.sent(11.1)
    breaker.failed(11.2, sent=11.1)
    assert breaker.wait(11.2) == pytest.approx(2.0)
    breaker.failed(11.3, sent=9.5)
    assert breaker.wait(11.2) == pytest.approx(2.0)
    breaker.sent(13.2)
    breaker.failed(13.3, sent=13.2)
    assert breaker.wait(13.3) == pytest.approx(4.0)
