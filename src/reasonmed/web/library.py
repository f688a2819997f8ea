"""What is open in a viewer: runs, evaluations and exports, each with its index, followed in the background."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reasonmed.checks.findings import all_findings
from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.web.comparing import Comparisons
from reasonmed.web.findings import Findings
from reasonmed.web.index import Index
from reasonmed.web.reviewing.reviewed import Reviewed
from reasonmed.web.sources import RunSource, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.web.sources import Source

_PAUSE = 2.0
"""Seconds between two looks at what is open."""
_NICE = 10


@dataclass(frozen=True)
class Shown:
    """Something open: its name in addresses, what it is, and the votes on it, where it is a run."""

    name: str
    source: Source
    index: Index
    findings: Findings
    reviewed: Reviewed | None

    def others(self) -> tuple[dict[str, Mapping[str, int]], str]:
        """The filters that the index has not, as sets of its rows; and why votes cannot be read, if they cannot."""
        found: dict[str, Mapping[str, int]] = {"finding": self.findings.rows(self.index)}
        if self.reviewed is not None:
            try:
                found["review"] = self.reviewed.facet(self.index)
            except ReasonMedError as unread:
                return found, str(unread)
        return found, ""


class Library:
    """Everything that is open.

    Args:
        paths: folders of runs, evaluations and exports.
        findings: a report of ``reasonmed check --json``, whose findings are shown with the questions.

    Raises:
        ReasonMedError: one is none of these.
    """

    def __init__(self, paths: Sequence[Path], findings: Path | None = None) -> None:
        self.findings = Findings(all_findings(findings) if findings is not None else ())
        self.shown = _indexed(paths, self.findings)
        self.comparisons = Comparisons()
        self.problems: dict[str, str] = {}
        """Why an index does not follow what it is made from, by the name of that."""
        self._stop, self._turn = threading.Event(), threading.Lock()
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
        self.comparisons.close()
        if self._thread.is_alive():
            self._thread.join()
        for one in self.shown:
            one.index.close()
            one.source.close()

    def catch_up(self) -> None:
        """Bring all indexes up to date; one that cannot be holds up no other."""
        with self._turn:
            for one in self.shown:
                try:
                    one.index.catch_up()
                    self.problems.pop(one.name, None)
                except (ReasonMedError, OSError) as problem:
                    self.problems[one.name] = str(problem)

    def _follow(self) -> None:
        """Bring all indexes up to date again and again, behind whatever else this machine does."""
        if sys.platform == "linux":  # elsewhere it is not this thread's number
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not self._stop.is_set():
            self.catch_up()
            self._stop.wait(_PAUSE)


def _indexed(paths: Sequence[Path], findings: Findings) -> list[Shown]:
    with ExitStack() as opened_so_far:
        found = []
        for name, source in _named(paths):
            index = Index(source)
            opened_so_far.callback(index.close)
            votes = Reviewed(source.folder) if isinstance(source, RunSource) else None
            found.append(Shown(name, source, index, findings, votes))
        opened_so_far.pop_all()
    return found


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
