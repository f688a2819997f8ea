"""The layout where TRL deals out the rows: padded micro-batches of one size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from reasonmed.errors import UsageError
from reasonmed.training.memory import choose

if TYPE_CHECKING:
    from reasonmed.training.memory import Choice, Device, Load
    from reasonmed.training.methods import Model
    from reasonmed.training.settings import Training


def steps(rows: int, settings: Training, *, whole: bool) -> int:
    """Optimizer steps of a run; with ``whole`` an epoch ends before a step that its rows do not fill.

    Raises:
        UsageError: with ``whole``, there are fewer rows than a step wants.
    """
    if whole and rows < settings.batch:
        raise UsageError(
            f"batch: {settings.batch} questions a step, and the data has {rows}; say batch: {rows} or less"
        )
    an_epoch = rows // settings.batch if whole else math.ceil(rows / settings.batch)
    wanted = math.ceil(an_epoch * settings.epochs)
    return min(wanted, settings.max_steps or wanted)


def padded(settings: Training, model: Model, load: Load, machine: Device) -> Choice:
    """What fits the memory; shapes differ from one micro-batch to the next, so nothing is packed or compiled."""
    plain = settings.model_copy(update={"packing": False, "compile": False})
    return choose(plain, model.config, model.parameters, load, machine)
