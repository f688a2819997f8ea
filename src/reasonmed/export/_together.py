"""All formats at once: each question is read and decoded once, and every format's module takes it from there.

A format's ``write`` goes over the view at its own pace, so each runs in a thread of its own; what waits between them is
bounded.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from queue import Full, Queue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reasonmed.export._sinks import Sinks
    from reasonmed.export._view import Case, View

    Write = Callable[[View], Sinks]

_TOGETHER, _AHEAD = 32, 2
"""Questions that are handed over at a time, and how many such groups wait for a format at most."""
_LOOK = 0.05
"""Seconds after which it is seen whether a format that takes nothing has ended."""


class _Stopped(BaseException):
    """Another format failed, or the export is interrupted: nothing that a format's module could handle."""


class _Writer(Thread):
    """A format at work."""

    def __init__(self, view: View, write: Write) -> None:
        super().__init__(daemon=True)
        self._view, self._write = view.given(self._cases()), write
        self._waiting: Queue[Sequence[Case] | None] = Queue(_AHEAD)
        self.stopped = False
        self.made: Sinks | None = None
        self.failed: BaseException | None = None

    def run(self) -> None:
        """Write."""
        try:
            self.made = self._write(self._view)
        except BaseException as failed:  # noqa: BLE001 - whoever started it raises it
            self.failed = failed

    def take(self, cases: Sequence[Case] | None) -> None:
        """Hand cases over, or say that there are no more; it may have ended before it saw all."""
        while self.is_alive():
            with suppress(Full):
                self._waiting.put(cases, timeout=_LOOK)
                return

    def stop(self) -> None:
        """End it, wherever it is."""
        self.stopped = True
        self.take(None)
        self.join()

    def _cases(self) -> Iterator[Case]:
        while (cases := self._waiting.get()) is not None:
            yield from cases
        if self.stopped:
            raise _Stopped


def write_all(view: View, writes: Mapping[str, Write]) -> dict[str, Sinks]:
    """What each format writes of a view, by its name.

    Raises:
        Exception: what the first format that failed raised.
    """
    writers = {name: _Writer(view, write) for name, write in writes.items()}
    for one in writers.values():
        one.start()
    try:
        cases = view.cases()
        while (group := list(islice(cases, _TOGETHER))) and not any(one.failed for one in writers.values()):
            for one in writers.values():
                one.take(group)
    except BaseException:
        for one in writers.values():
            one.stop()
        raise
    failing = any(one.failed for one in writers.values())
    for one in writers.values():
        one.stop() if failing else one.take(None)
    for one in writers.values():
        one.join()
    for one in writers.values():
        if one.failed is not None and not isinstance(one.failed, _Stopped):
            raise one.failed
    return {name: one.made for name, one in writers.items() if one.made is not None}
