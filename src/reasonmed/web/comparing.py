"""Comparisons of two runs: each is made once, behind whatever else goes on, and kept for as long as the viewer runs."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import ReasonMedError
from reasonmed.runs.diff import changes, summary

if TYPE_CHECKING:
    from reasonmed.runs.diff import Change
    from reasonmed.web.sources import RunSource

_NICE = 10
_AT_ONCE = 0.5
"""Seconds that a page waits for a comparison: small ones are done by then."""
_KINDS = ("changed", "failed", "removed", "added")
"""In the order in which they are listed."""


class Compared(NamedTuple):
    """Where a comparison is: ``done`` of ``total`` questions, and once it has ``ended`` what differs."""

    done: int
    total: int
    ended: bool
    problem: str
    changes: list[Change]
    causes: dict[str, int]

    @property
    def unchanged(self) -> int:
        """Questions with the same records, or without any for the same reason."""
        return self.total - len(self.changes)


class _StoppedError(Exception):
    """The viewer closes."""


class Comparison:
    """Two runs as they were when it began."""

    def __init__(self, old: RunSource, new: RunSource, stop: threading.Event) -> None:
        self.state = state_of(old, new)
        self._stop = stop
        self._counts = (0, 0)
        self._ended: Compared | None = None
        self._thread = threading.Thread(target=self._work, args=(old, new), name="comparing", daemon=True)
        self._thread.start()

    def seen(self) -> Compared:
        """What is known by now; waits for a moment where that is not all."""
        self._thread.join(_AT_ONCE)
        return self._ended or Compared(*self._counts, ended=False, problem="", changes=[], causes={})

    def _work(self, old: RunSource, new: RunSource) -> None:
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        found: list[Change] = []
        problem = ""
        try:
            differing = changes(old.folder, new.folder, self._count, failures=True)
            found = sorted(differing, key=lambda one: _KINDS.index(one.kind))
        except ReasonMedError as failed:
            problem = str(failed)
        except _StoppedError:
            return
        self._ended = Compared(*self._counts, ended=True, problem=problem, changes=found, causes=summary(found))

    def _count(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _StoppedError
        self._counts = (done, total)

    def wait(self) -> None:
        """Return when its thread has ended."""
        self._thread.join()


class Comparisons:
    """All of them, by their runs."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], Comparison] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def of(self, old: RunSource, new: RunSource, *, fresh: bool) -> Comparison:
        """The comparison of two runs; where these have changed since, another one if a ``fresh`` one is asked for."""
        key = (str(old.path), str(new.path))
        with self._lock:
            made = self._made.get(key)
            if made is None or (fresh and made.seen().ended and made.state != state_of(old, new)):
                made = self._made[key] = Comparison(old, new, self._stop)
        return made

    def close(self) -> None:
        """Have all of them end."""
        self._stop.set()
        for one in self._made.values():
            one.wait()


def state_of(*sources: RunSource) -> str:
    """Another word whenever one of the runs has other outcomes or scores."""
    found = []
    for one in sources:
        with one.ledger() as ledger:
            found.append(f"{one.stamp()} {ledger.newest()}")
    return "; ".join(found)
