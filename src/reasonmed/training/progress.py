"""What a training tells while it goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_EVERY = 5.0
"""Seconds between two lines."""


class Progress:
    """A line every few seconds.

    Args:
        say: called with each line.
        watched: names of logs besides the loss, with the words for them.
        name: what is trained, where there are several.
    """

    def __init__(self, say: Callable[[str], None], watched: Mapping[str, str], name: str = "") -> None:
        self._say, self._watched, self._name, self._last = say, watched, f"{name}: " if name else "", 0.0

    def __call__(self, logs: Mapping[str, float | str]) -> None:
        """Take what the trainer logged at a step."""
        now = time.monotonic()
        if "remark" in logs:
            self._say(f"{self._name}{logs['remark']}")
        elif "eval_accuracy" in logs:
            self._say(f"{self._name}step {logs['step']:,}: validation accuracy {logs['eval_accuracy']:.1%}")
        elif "eval_loss" in logs:
            others = self._others(logs, "eval_")
            self._say(f"{self._name}step {logs['step']:,}: validation loss {logs['eval_loss']:.4f}{others}")
        elif "loss" in logs and (now - self._last > _EVERY or logs["step"] == logs["steps"]):
            self._last = now
            pace = f", {logs['tokens_per_second']:,.0f} tokens/s" if "tokens_per_second" in logs else ""
            self._say(
                f"{self._name}step {logs['step']:,} of {logs['steps']:,}: loss {float(logs['loss']):.4f}"
                f"{self._others(logs, '')}{pace}, {float(logs['seconds_left']) / 60:.1f} minutes left"
            )

    def _others(self, logs: Mapping[str, float | str], prefix: str) -> str:
        found = {words: logs.get(prefix + name) for name, words in self._watched.items()}
        return "".join(f", {words} {float(value):.3g}" for words, value in found.items() if value is not None)
