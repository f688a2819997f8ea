"""Queues built in the background and kept: a run of 200,000 questions is read once for a queue, not for each text."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from reasonmed.errors import ReasonMedError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from reasonmed.runs.reviews import Queued

    Build = Callable[[Callable[[int, int], None]], list[Queued]]

_REMEMBERED = 16
_FRESH = 300.0
"""Seconds for which a queue is kept although the run, or the votes on it, have grown."""
_PATIENCE = 1.0
"""Seconds for which a page waits, so that the queue of a small run is there at once."""


class Building:
    """A queue under way: how far it is, then the queue, or why there is none."""

    def __init__(self, build: Build, grown: Hashable) -> None:
        self.done = self.total = 0
        self.queue: list[Queued] | None = None
        self.problem: str | None = None
        self.grown = grown
        self.began = time.monotonic()
        self._thread = threading.Thread(target=self._make, args=(build,), name="queue", daemon=True)
        self._thread.start()

    def _make(self, build: Build) -> None:
        try:
            self.queue = build(self._said)
        except ReasonMedError as problem:
            self.problem = str(problem)

    def _said(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def wait(self) -> None:
        """Give it a moment."""
        self._thread.join(_PATIENCE)


class Queues:
    """The queues of a run, by what was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Building] = OrderedDict()
        self._next: dict[Hashable, Building] = {}

    def get(self, key: Hashable, grown: Hashable, build: Build) -> Building:
        """The queue under a key, begun where there is none.

        Args:
            key: all that makes it another queue.
            grown: another word whenever there may be more to put into it; it is then built anew behind the pages, and
                takes the older one's place once it is there.
            build: makes it; says how far it is.
        """
        with self._lock:
            found, newer = self._kept.get(key), self._next.get(key)
            if newer is not None and newer.queue is not None:
                found = self._kept[key] = self._next.pop(key)
            if found is None or found.problem is not None:
                found = self._kept[key] = Building(build, grown)
            elif key not in self._next and _is_old(found, grown):
                self._next[key] = Building(build, grown)
            self._kept.move_to_end(key)
            while len(self._kept) > _REMEMBERED:
                old, _ = self._kept.popitem(last=False)
                self._next.pop(old, None)
        found.wait()
        return found


def _is_old(found: Building, grown: Hashable) -> bool:
    return found.queue is not None and found.grown != grown and time.monotonic() - found.began > _FRESH
