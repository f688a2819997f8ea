"""Trackers of a training: they write into its model folder, and nothing reports to anyone unless the user says so."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRACKED = "tracked"
"""The folder of trackers' files, in the model folder."""


@contextmanager
def tracking(tracker: str, folder: Path) -> Iterator[None]:
    """Let a tracker write into the folder of the model that is trained, unless its own variables say otherwise.

    Variables and wandb's run end with the training. A second training of this process has a folder of its own, except
    with wandb, which reads its variables once a process: there it is a run of its own in the first one's folder.
    """
    given = {name: value for name, value in _variables(tracker, folder / TRACKED).items() if name not in os.environ}
    if tracker in ("wandb", "mlflow"):
        (folder / TRACKED).mkdir(parents=True, exist_ok=True)
    before = _wandb_run()
    os.environ.update(given)
    try:
        yield
    finally:
        if tracker == "wandb" and before is None and _wandb_run() is not None:
            sys.modules["wandb"].finish()
        for name in given:
            os.environ.pop(name, None)


def _variables(tracker: str, folder: Path) -> dict[str, str]:
    if tracker == "tensorboard":
        return {"TENSORBOARD_LOGGING_DIR": str(folder)}
    if tracker == "wandb":
        return {"WANDB_MODE": "offline", "WANDB_DIR": str(folder)}
    if tracker == "mlflow":
        return {"MLFLOW_TRACKING_URI": f"sqlite:///{(folder / 'mlflow.db').resolve()}"}
    return {}


def _wandb_run() -> object:
    """The run that wandb has open in this process, if it was ever imported."""
    return getattr(sys.modules.get("wandb"), "run", None)
