"""How long an endpoint asks to wait: in headers, in the body, in words."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.backends._said import Said

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(
    r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|d|days?|h|hrs?|hours?|m|mins?|minutes?|s|secs?|seconds?)(?![a-z])[\s,]*"
)
_IN_WORDS = re.compile(
    r"(?:retry|try|again|wait|available|resets?)\W+(?:\w+\W+){0,3}?(?:in|after|for)\W+(?:about\W+)?"
    rf"((?:{_PART.pattern})+)",
    re.IGNORECASE,
)
_EPOCH = 1e9
"""A number from here on is a moment and no duration."""
_EPOCH_MS = 1e12


def seconds(text: str, now: float | None = None) -> float | None:
    """Seconds to wait: a number, a duration such as ``6m0s``, a moment (epoch, ISO 8601, HTTP date); None for none."""
    text = text.strip()
    now = time.time() if now is None else now
    try:
        number = float(text)
    except ValueError:
        return _duration(text) if _duration(text) is not None else _until(text, now)
    if math.isnan(number):
        return None
    if _EPOCH <= number < math.inf:
        number = (number / 1000 if number >= _EPOCH_MS else number) - now
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


def asked_wait(headers: Mapping[str, str], said: Said) -> float | None:
    """Seconds that an answer asks to wait: by header, by a field of its body, in words; None where it does not."""
    if (milliseconds := seconds(headers.get("retry-after-ms") or "")) is not None:
        return milliseconds / 1000
    for value in (headers.get("Retry-After"), said.wait):
        if value and (found := seconds(value)) is not None:
            return found
    words = _IN_WORDS.search(said.prose)
    return seconds(words[1]) if words else None
