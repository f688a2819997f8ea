"""What a training tells while it goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY = 5.0
"""Seconds between two lines."""


class Progress:
    """A line every few seconds.

    Args:
        say: called with each line.
        name: what is trained, where there are several.
    """

    def __init__(self, say: Callable[[str], None], name: str = "") -> None:
        self._say, self._name, self._last = say, f"{name}: " if name else "", 0.0

    def __call__(self, logs: dict[str, Any]) -> None:
        """Take what the trainer logged at a step."""
        now = time.monotonic()
        if "eval_loss" in logs:
            self._say(f"{self._name}step {logs['step']:,}: validation loss {logs['eval_loss']:.4f}")
        elif "loss" in logs and (now - self._last > _EVERY or logs["step"] == logs["steps"]):
            self._last = now
            self._say(
                f"{self._name}step {logs['step']:,} of {logs['steps']:,}: loss {float(logs['loss']):.4f}, "
                f"{logs['tokens_per_second']:,.0f} tokens/s, {logs['seconds_left'] / 60:.1f} minutes left"
            )
