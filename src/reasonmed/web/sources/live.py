"""What a run says of itself while it goes: rates, money and endpoints, asked at its control socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.documents import Refused, converted
from reasonmed.errors import ReasonMedError
from reasonmed.runs.progress import Snapshot
from reasonmed.runs.socket import ask

if TYPE_CHECKING:
    from reasonmed.runs.directory import RunDirectory

PATIENCE = 1.0
"""Seconds that a page waits for a run's answer: it is asked again soon."""


def now_of(folder: RunDirectory) -> Snapshot | str:
    """How a run goes at this moment; in words why that is unknown."""
    try:
        return converted(ask(folder, {"do": "status"}, patience=PATIENCE), Snapshot)
    except ReasonMedError as silent:
        return str(silent)
    except Refused as garbage:
        return f"what answers for {folder.path} is no run: {garbage}"
