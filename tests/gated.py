"""A real run in a thread, whose model answers as many requests as a test lets through."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from threading import Thread
from typing import TYPE_CHECKING

from reasonmed.backends import scripted
from runs import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from reasonmed.backends import ModelSettings
    from reasonmed.exchange import Completion, Request
    from reasonmed.types import Question

_PAUSE = 0.01


class Gate:
    """Answers ``allowed`` requests; the others wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, allowed: int) -> None:
        self.allowed, self.answered = allowed, 0
        gate = self

        class Waiting:
            async def complete(self, request: Request) -> Completion:
                while gate.answered >= gate.allowed:  # noqa: ASYNC110 - another thread opens the gate
                    await asyncio.sleep(_PAUSE)
                gate.answered += 1
                return await scripted.Scripted(scripted.made_up).complete(request)

            async def aclose(self) -> None:
                """Nothing to release."""

        def connect(settings: ModelSettings, connections: int) -> Waiting:
            return Waiting()

        monkeypatch.setattr(scripted, "connect", connect)

    @contextmanager
    def running(self, folder: Path, rows: list[Question]) -> Iterator[Path]:
        """A run that is under way, up to the gate; let through and at its end afterwards."""
        thread = Thread(target=run, args=(folder, rows))
        thread.start()
        try:
            soon(lambda: self.answered >= self.allowed)
            yield folder
        finally:
            self.allowed = 1 << 30
            thread.join()


def soon(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to hold"
        time.sleep(_PAUSE)
