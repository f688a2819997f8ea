"""At which step of which training a folder's weights are, as its records say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.documents import map_of
from reasonmed.training.record import RUN, STARTED
from reasonmed.types import digest

if TYPE_CHECKING:
    from pathlib import Path

_CHECKPOINT = re.compile(r"checkpoint-(\d{1,15})")
_NOT_IDENTITY = ("version", "overrides", "origin")


class Moment(NamedTuple):
    """A step of a training."""

    run: str
    """The name of the training's folder."""
    mark: str
    """A hash of what the training is: folders of one name are told apart by it."""
    step: int


def moment_of(folder: Path) -> Moment | None:
    """The step of a checkpoint, or of a finished model; None for a folder that no training here made."""
    place = folder.resolve()
    found = _CHECKPOINT.fullmatch(place.name)
    training = place.parent.parent if found else place
    begun = map_of(training / STARTED)
    step = int(found[1]) if found else _last_step(map_of(training / RUN))
    if not begun or step is None:
        return None
    identity = sorted((name, value) for name, value in begun.items() if name not in _NOT_IDENTITY)
    return Moment(training.name, digest(identity, 6), step)


def _last_step(record: dict[str, object]) -> int | None:
    """The step that a finished model is of: the best checkpoint's where that was taken, else the last one."""
    for name, field in (("best", "step"), ("layout", "steps")):
        part = record.get(name)
        step = part.get(field) if isinstance(part, dict) else None
        if isinstance(step, int):
            return step
    return None
