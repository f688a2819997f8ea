"""The run is to end: no new requests, open ones finish, nothing sleeps on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from reasonmed.errors import ControlError, Drained

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class Stop:
    """Says that a run is to end, and why."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._told: list[Callable[[], None]] = []
        self.reason: ControlError | None = None

    @property
    def wanted(self) -> bool:
        """Whether the run is to end."""
        return self.reason is not None

    def ask(self, reason: ControlError) -> None:
        """Ask the run to end; the first reason counts."""
        if self.reason is not None:
            return
        self.reason = reason
        self._event.set()
        for tell in self._told:
            tell()

    def tell(self, callback: Callable[[], None]) -> None:
        """Have something called when the run is to end."""
        self._told.append(callback)

    def check(self) -> None:
        """Raise Drained once the run is to end."""
        if self.reason is not None:
            raise Drained("the run takes no new requests")

    async def unless(self, work: Awaitable[T]) -> T:
        """Await something; cancel it and raise Drained as soon as the run is to end."""
        task, ending = asyncio.ensure_future(work), asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait((task, ending), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                self.check()
            return task.result()
        finally:
            task.cancel()
            ending.cancel()
            await asyncio.gather(task, ending, return_exceptions=True)

    async def sleep(self, seconds: float) -> None:
        """Wait; raise Drained as soon as the run is to end."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        self.check()
