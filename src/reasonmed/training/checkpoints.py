"""Checkpoints that are whole or do not count: synced, sealed with the sizes of their files, older ones removed last."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reasonmed.errors import StorageFailed, UsageError
from reasonmed.files import NO_ROOM, no_room, sync, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

COMPLETE = "complete"
"""A file in a checkpoint with the size of every other one, written last: a checkpoint without it is torn."""
_FULL = ("No space left", "os error 28", "File too large", "os error 27", "Disk quota", "os error 122")
_UNWRITTEN = ("PytorchStreamWriter failed", "inline_container", "file write failed")
"""Libraries that write weights raise errors of their own; these are their words for a write that failed."""


def sync_all(folder: Path) -> list[Path]:
    """Make all files of a folder durable; returns them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        sync(path)
    return files


def seal(checkpoint: Path) -> None:
    """Make a checkpoint durable, then mark it whole."""
    files = sync_all(checkpoint)
    sizes = {path.relative_to(checkpoint).as_posix(): path.stat().st_size for path in files}
    write_atomically(checkpoint / COMPLETE, json.dumps(sizes, indent=1) + "\n")
    sync(checkpoint.parent)


def unseal(checkpoint: Path) -> None:
    """Let a checkpoint not count any more."""
    (checkpoint / COMPLETE).unlink(missing_ok=True)


def torn(checkpoint: Path) -> str | None:
    """What of a checkpoint is missing; None where it is whole."""
    try:
        marker = (checkpoint / COMPLETE).read_text(encoding="utf-8")
        sizes = json.loads(marker or "{}")  # versions before 0.2.0 marked without sizes
    except (OSError, ValueError):
        return "it was not written to its end"
    for name, size in sizes.items():
        path = checkpoint / name
        found = path.stat().st_size if path.is_file() else 0
        if found != size:
            return f"{name} has {found:,} of {size:,} bytes"
    return None


def newest(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest whole checkpoint, and a sentence on each newer one that is torn."""
    remarks: list[str] = []
    for checkpoint in _ordered(folder):
        problem = torn(checkpoint)
        if problem is None:
            return checkpoint, remarks
        remarks.append(f"{checkpoint.name} is torn ({problem}) and not used")
    return None, remarks


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; torn ones do not count."""
    return newest(folder)[0]


def whole(folder: Path) -> list[Path]:
    """The whole checkpoints, the first one first."""
    return [one for one in reversed(_ordered(folder)) if torn(one) is None]


def rotate(folder: Path, keep: int, spare: Sequence[Path] = ()) -> None:
    """Remove checkpoints beyond the newest whole ones, and torn ones.

    Args:
        folder: of the checkpoints.
        keep: how many whole ones stay.
        spare: further ones that stay.
    """
    kept = 0
    for checkpoint in _ordered(folder):
        good = torn(checkpoint) is None
        kept += good
        if checkpoint not in spare and (kept > keep or not good):
            unseal(checkpoint)
            shutil.rmtree(checkpoint)


def doubted(folder: Path, newest: Path) -> Path:
    """The checkpoint before the newest one, which does not count any more; the newest one where it is alone."""
    before = next((one for one in _ordered(folder) if one != newest and torn(one) is None), None)
    if before is None:
        return newest
    unseal(newest)
    return before


def step_of(checkpoint: Path) -> int:
    """The step at which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])


def _ordered(folder: Path) -> list[Path]:
    """Checkpoints, the newest first."""
    named = [one for one in folder.glob("checkpoint-*") if one.name.rpartition("-")[2].isdecimal() and one.is_dir()]
    return sorted(named, key=step_of, reverse=True)


@contextmanager
def storing(place: Path) -> Iterator[None]:
    """Turn whatever a library says of a full disk into one error.

    Raises:
        StorageFailed: there is no room.
    """
    try:
        yield
    except Exception as failed:
        said = str(failed)
        full = isinstance(failed, OSError) and failed.errno in NO_ROOM
        if full or any(words in said for words in _FULL):
            raise no_room(place, failed) from failed
        if any(words in said for words in _UNWRITTEN):
            raise StorageFailed(
                f"{place} cannot be written: {' '.join(said.split())[:200]}. Make room if the disk is full, then run "
                "the same command again"
            ) from failed
        raise


@contextmanager
def loading(checkpoint: str) -> Iterator[None]:
    """Let a checkpoint that cannot be loaded not count any more.

    Raises:
        UsageError: it cannot be loaded; the same command again takes the one before.
    """
    try:
        yield
    except Exception as damaged:
        unseal(Path(checkpoint))
        raise UsageError(
            f"{checkpoint} is damaged ({type(damaged).__name__}: {' '.join(str(damaged).split())[:200]}) and is no "
            "longer used: run the same command again, which resumes from the checkpoint before it"
        ) from damaged
