"""The model folder: taken by one process, for one run, and left as it was where the run does not start."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from pathlib import Path
from typing import IO, TYPE_CHECKING

from reasonmed.errors import RunDirectoryError, UsageError
from reasonmed.files import is_draft, make_folder, open_own
from reasonmed.training import card
from reasonmed.training import dependencies as extra
from reasonmed.training.checkpoints import last_checkpoint
from reasonmed.training.record import BEGUN, ORIGIN, RUN, STARTED, VERSION
from reasonmed.training.settings import OVERRIDES, Training
from reasonmed.training.trackers import TRACKED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reasonmed.training.prepare import Prepared

CHECKPOINTS = "checkpoints"
ADAPTER = "adapter"
LOCK = ".lock"

_held: dict[Path, IO[str]] = {}
_made: dict[Path, list[Path]] = {}
"""Folders that did not exist before, innermost first, by the model folder."""
_begun: set[Path] = set()
"""Folders in which this process began a run."""


def open_folder(
    folder: Path, prepared: Prepared, *, force: bool, overrides: Mapping[str, object] | None = None
) -> bool:
    """Make the model folder, or resume in it, and hold it; returns whether the model in it is already finished.

    Args:
        folder: the model folder.
        prepared: the run.
        force: whether an older training in it is removed.
        overrides: settings of `OVERRIDES` that differ from those that the run was begun with, on purpose.

    Raises:
        UsageError: the folder holds something else, or a run of other data or settings.
        RunDirectoryError: another process trains into it.
    """
    if extra.processes()[0] != 0:  # the first process makes the folder, and ends all where it must not
        return not force and (folder / RUN).is_file()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; -o names a folder")
    if folder.is_dir() and _others(folder) and not _ours(folder):
        raise UsageError(f"{folder} holds other content, which --force does not remove; choose another -o")
    _hold(folder)
    try:
        finished = _claim(folder, prepared, force=force, overrides=overrides or {})
    except BaseException:
        withdraw(folder)
        raise
    if finished:
        release(folder)
    return finished


def _claim(folder: Path, prepared: Prepared, *, force: bool, overrides: Mapping[str, object]) -> bool:
    identity = card.identity(prepared)
    if force and _ours(folder):
        _clear(folder, prepared)
    known = _started(folder) if _ours(folder) else None
    if known is None:
        _begun.add(folder)
        start: dict[str, object] = {"version": VERSION, **identity, "overrides": [], ORIGIN: card.origin(prepared)}
        BEGUN.write(folder / STARTED, start)
        return False
    differing = sorted(name for name in identity if known.get(name, _default(name)) != identity[name])
    refused = [name for name in differing if name.removeprefix("settings.") not in overrides]
    if refused:
        hint = ", or resume with " if all(name.removeprefix("settings.") in OVERRIDES for name in refused) else ""
        hint += " ".join(f"--override {name.removeprefix('settings.')}={identity[name]}" for name in refused if hint)
        raise UsageError(
            f"{folder} was begun with other {', '.join(refused)}; choose another -o{hint}, or start over with --force"
        )
    if (folder / RUN).is_file():
        return True
    if differing:
        changes = {name.removeprefix("settings."): [known.get(name), identity[name]] for name in differing}
        record = {"checkpoint": _newest(folder), **changes}
        told = {**known, **identity, "overrides": [*overridden(folder), record]}
        BEGUN.write(folder / STARTED, told)
    return False


def _newest(folder: Path) -> str | None:
    last = last_checkpoint(folder / CHECKPOINTS)
    return last.name if last else None


def overridden(folder: Path) -> list[dict[str, object]]:
    """The settings that changed between sessions of a run, from and to, with the checkpoint they changed at."""
    return BEGUN.read(folder / STARTED).overrides


def _default(name: str) -> object:
    """The value of a setting that an older version did not have."""
    field = Training.model_fields.get(name.removeprefix("settings."))
    return None if field is None else field.get_default(call_default_factory=True)


def _started(folder: Path) -> dict[str, object]:
    return BEGUN.plain(folder / STARTED)


def _others(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir() if one.name != LOCK and not is_draft(one.name)]


def _ours(folder: Path) -> bool:
    return (folder / STARTED).exists()


def _clear(folder: Path, prepared: Prepared) -> None:
    """Remove an older training, unless what this one begins with is in it."""
    for place, what in ((Path(prepared.base.place), "base_model"), (prepared.data.train.path, "the data")):
        if place.exists() and place.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"--force would remove {what}, {place}, which is in {folder}; choose another -o")
    remove_older(folder)


def remove_older(folder: Path) -> None:
    """Remove an older training: first what says that it is finished, last what says that it was one."""
    for one in sorted(folder.iterdir(), key=lambda one: (one.name == STARTED, one.name != RUN)):
        if one.name == LOCK:
            continue
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        else:
            one.unlink()


def _hold(folder: Path) -> None:
    """Lock the folder until `release`; the lock ends with the process, however that ends.

    Raises:
        RunDirectoryError: another process holds it.
    """
    _made[folder] = [one for one in (folder, *folder.parents) if not one.exists()]
    make_folder(folder)
    file = os.fdopen(open_own(folder / LOCK, os.O_RDWR), "r+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        file.seek(0)
        owner = file.read().strip() or "another process"
        file.close()
        raise RunDirectoryError(f"{folder} is in use by {owner}; one training at a time") from held
    file.truncate(0)
    file.write(f"pid {os.getpid()} on {socket.gethostname()}")
    file.flush()
    _held[folder] = file


def release(folder: Path) -> None:
    """Let other processes have the folder."""
    file = _held.pop(folder, None)
    if file is not None:
        (folder / LOCK).unlink(missing_ok=True)
        file.close()


def withdraw(folder: Path) -> None:
    """Leave no trace of a run that did not start: nothing is removed that was there before, or that a run left."""
    made = _made.pop(folder, [])
    steps = [*folder.glob(f"{CHECKPOINTS}/*"), *folder.glob(RUN)]
    if folder in _begun and not steps:
        (folder / STARTED).unlink(missing_ok=True)
    _begun.discard(folder)
    release(folder)
    for one in (folder / CHECKPOINTS, folder / TRACKED, *made):
        if one.is_dir() and not any(one.iterdir()):
            one.rmdir()
