"""How long an endpoint asks to wait: in headers, in a field of the body, in words."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(
    r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)(?![a-z])[\s,]*"
)
_IN_WORDS = re.compile(
    r"(?:retry|try|again|wait|available|resets?)\W+(?:\w+\W+){0,3}?(?:in|after|for)\W+(?:about\W+)?"
    rf"((?:{_PART.pattern})+)",
    re.IGNORECASE,
)
_EPOCHS = ((1e18, 1e9), (1e15, 1e6), (1e12, 1e3), (1e9, 1.0))
"""A number from the first on is a moment, in that part of a second: no wait lasts 30 years."""


class Saying(Protocol):
    """What an endpoint says of a failure, as far as waits go."""

    @property
    def prose(self) -> str:
        """Its own words."""

    @property
    def wait(self) -> str | None:
        """The wait that a field of the body names."""


def seconds(text: str, now: float | None = None) -> float | None:
    """Seconds to wait: a number, a duration such as ``6m0s``, a moment (epoch, ISO 8601, HTTP date); None for none.

    May be infinite: whoever waits sets a bound.
    """
    text = text.strip()
    now = time.time() if now is None else now
    try:
        number = float(text)
    except ValueError:
        found = _duration(text)
        return _until(text, now) if found is None else found
    if math.isnan(number):
        return None
    for least, scale in _EPOCHS:
        if least <= number < math.inf:
            return max(0.0, number / scale - now)
    return max(0.0, number)


def _duration(text: str) -> float | None:
    text = text.lower().removeprefix("pt")
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    return sum(float(part[1]) * _UNITS["ms" if part[2].startswith(("ms", "mil")) else part[2][0]] for part in parts)


def _until(text: str, now: float) -> float | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    return None


def asked_wait(headers: Mapping[str, str], said: Saying) -> float | None:
    """Seconds that a refusal asks to wait: by header, by a field of its body, in words; None where it does not."""
    if (milliseconds := seconds(headers.get("retry-after-ms") or "")) is not None:
        return milliseconds / 1000
    for value in (headers.get("Retry-After"), said.wait):
        if value and (found := seconds(value)) is not None:
            return found
    words = _IN_WORDS.search(said.prose)
    return seconds(words[1]) if words else None


def held_for(headers: Mapping[str, str]) -> float:
    """Seconds until an allowance that an answer's headers call used up is there again; 0 where none is."""
    small = {name.lower(): value for name, value in headers.items()}
    longest = 0.0
    for name, value in small.items():
        if "ratelimit" in name.replace("-", "") and "remaining" in name and _is_zero(value):
            reset = seconds(small.get(name.replace("remaining", "reset"), ""))
            longest = max(longest, reset or 0.0)
    return longest


def _is_zero(text: str) -> bool:
    try:
        return float(text) <= 0
    except ValueError:
        return False
