"""What is open in a viewer: runs, evaluations and exports, each with its index, followed in the background."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.web.index import Index
from reasonmed.web.sources import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reasonmed.web.sources import Source

_PAUSE = 2.0
"""Seconds between two looks at what is open."""
_NICE = 10


@dataclass(frozen=True)
class Shown:
    """Something open: its name in addresses, and what it is."""

    name: str
    source: Source
    index: Index


class Library:
    """Everything that is open.

    Args:
        paths: folders of runs, evaluations and exports.

    Raises:
        ReasonMedError: one is none of these.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.shown = [Shown(name, source, Index(source)) for name, source in _named(paths)]
        self.problem: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="indexing", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def find(self, name: str | None) -> Shown | None:
        """What is open under a name; the first one for no name."""
        if not name:
            return self.shown[0]
        return next((one for one in self.shown if one.name == name), None)

    def close(self) -> None:
        """Stop to follow, and let go of the files; what is in the indexes stays for the next time."""
        self._stop.set()
        for one in self.shown:
            one.index.stop()
        if self._thread.is_alive():
            self._thread.join()
        for one in self.shown:
            one.index.close()

    def catch_up(self) -> None:
        """Bring all indexes up to date."""
        for one in self.shown:
            one.index.catch_up()

    def _follow(self) -> None:
        """Bring all indexes up to date again and again, behind whatever else this machine does."""
        if sys.platform == "linux":  # elsewhere it is not this thread's number
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._stop.is_set():
            try:
                self.catch_up()
                self.problem = None
            except ReasonMedError as problem:
                self.problem = str(problem)
            self._stop.wait(_PAUSE)


def _named(paths: Sequence[Path]) -> Iterator[tuple[str, Source]]:
    taken: set[str] = set()
    if not paths:
        raise UsageError("nothing to look at: give a run directory, such as runs/medqa")
    for path in paths:
        source = opened(path)
        stem = path.resolve().name or "root"
        name = next(one for number in range(1, len(paths) + 1) if (one := _numbered(stem, number)) not in taken)
        taken.add(name)
        yield name, source


def _numbered(stem: str, number: int) -> str:
    return stem if number == 1 else f"{stem}-{number}"
