"""Whole copies of a ledger's file: made while another process writes it, in one piece, and one file each."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from reasonmed.engine.ledger.repair import SIDES, is_of_the_disk
from reasonmed.files import NO_ROOM, move, no_room, open_own

if TYPE_CHECKING:
    from pathlib import Path


def copy_ledger(source: Path, target: Path) -> None:
    """Put a copy of a ledger, as it is at one moment, in the place of a file; readers find the old or the new one.

    The copy has no log beside it, so that it may lie on a network's file system.

    Raises:
        StorageFailed: it cannot be written.
    """
    draft = target.with_name(f".{target.name}.{socket.gethostname()}-{os.getpid()}.part")
    draft.unlink(missing_ok=True)
    os.close(open_own(draft, os.O_WRONLY | os.O_EXCL))
    try:
        _back_up(source, draft)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        move(draft, target)
    except (OSError, sqlite3.Error) as failed:
        if isinstance(failed, OSError) and failed.errno not in NO_ROOM:
            raise
        if isinstance(failed, sqlite3.Error) and not is_of_the_disk(failed):
            raise
        raise no_room(target, failed) from failed
    finally:
        draft.unlink(missing_ok=True)


def _back_up(source: Path, draft: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as written,
        closing(sqlite3.connect(draft, isolation_level=None)) as made,
    ):
        written.backup(made)
        made.execute("PRAGMA journal_mode=DELETE")


def begin_from(copy: Path, path: Path) -> None:
    """Put a copy's bytes where a ledger is to be, in place of whatever ledger is there."""
    for side in SIDES:
        path.with_name(path.name + side).unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    with copy.open("rb") as source, os.fdopen(open_own(path, os.O_WRONLY | os.O_EXCL), "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
