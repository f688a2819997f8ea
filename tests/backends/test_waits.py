"""How long an endpoint asks to wait, as providers write it."""

from __future__ import annotations

import math
from email.utils import formatdate
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.backends._waits import asked_wait, held_for, seconds

NOW = 1_790_000_000.0


class Said(NamedTuple):
    prose: str = ""
    wait: str | None = None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("6m0s", 360),
        ("120ms", 0.12),
        ("1.5", 1.5),
        ("1h2m3s", 3723),
        ("1m30s", 90),
        ("2 days", 172_800),
        ("PT1M30S", 90),
        ("-3", 0),
        ("inf", math.inf),
        ("1e999", math.inf),
        ("nan", None),
        ("soon", None),
        ("", None),
        (str(int(NOW) + 12), 12),
        (str(int(NOW * 1000) + 12_000), 12),
        (str(int(NOW * 1e6) + 12_000_000), 12),
        ("2026-09-21T14:13:32Z", 12),
        ("2026-09-21T16:13:32+02:00", 12),
        (formatdate(NOW + 12, usegmt=True), 12),
        (str(int(NOW) - 500), 0),
    ],
)
def test_a_wait_is_read_in_every_notation(text: str, expected: float | None) -> None:
    found = seconds(text, NOW)
    assert found == (None if expected is None else pytest.approx(expected, abs=0.5))


@given(st.text(max_size=40) | st.floats().map(str) | st.integers().map(str))
def test_whatever_a_header_holds_is_a_wait_or_none(text: str) -> None:
    found = seconds(text, NOW)
    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("headers", "said", "expected"),
    [
        ({"retry-after-ms": "250", "Retry-After": "9"}, Said(), 0.25),
        ({"Retry-After": "9"}, Said("try again in 3s"), 9),
        ({"Retry-After": "soon"}, Said(wait="41.5s"), 41.5),
        ({}, Said("Rate limit reached. Please try again in 1m12.5s."), 72.5),
        ({}, Said("Too fast, retry after 20 seconds"), 20),
        ({}, Said("You may try again in 340ms, or later"), 0.34),
        ({}, Said("The patient was seen again in 3 weeks"), None),
        ({}, Said("slow down"), None),
    ],
)
def test_headers_come_first_then_the_body_then_its_words(
    headers: dict[str, str], said: Said, expected: float | None
) -> None:
    assert asked_wait(headers, said) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90),
        ({"X-RateLimit-Remaining-Tokens": "0", "X-RateLimit-Reset-Tokens": "inf"}, math.inf),
        ({"x-ratelimit-remaining": "0.0", "x-ratelimit-reset": "7"}, 7),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "8"}, 8),
        ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "90"}, 0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "nan"}, 0),
        ({"x-ratelimit-remaining-requests": "many"}, 0),
        ({}, 0),
    ],
)
def test_a_used_up_allowance_holds_until_its_reset(headers: dict[str, str], expected: float) -> None:
    assert held_for(headers) == pytest.approx(expected)
