"""The run directory: its manifest, its lock, its ledger. One writer at a time; whoever reads may read at any time."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import msgspec

from reasonmed.documents import Refused, inside
from reasonmed.engine.ledger import Ledger
from reasonmed.engine.ledger.repair import SIDES
from reasonmed.errors import RunDirectoryError
from reasonmed.files import check_own_folder, make_folder, open_own, open_there, others_in
from reasonmed.recipe.identity import differences
from reasonmed.runs.manifest import MANIFEST, READ_ONLY, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reasonmed.runs.manifest import Correction

_ANEW = {"judge-card": "-o NEW", "evaluate": "-o NEW --fork OLD, the folder of the older evaluation"}
"""How to begin anew with what a command has made; everywhere else ``-o NEW --fork OLD``."""


_LONGEST_OWNER = 200


class RunDirectory:
    """Where a run lives.

    Args:
        path: the folder, whether it is there or not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest_path = path / "run.json"
        self.ledger_path = path / "ledger.db"
        self.records_path = path / "records.jsonl"
        self.failures_path = path / "failures.jsonl"
        self._lock_path = path / "run.lock"

    @property
    def exists(self) -> bool:
        """Whether a run is there."""
        return self.manifest_path.is_file() and self.ledger_path.is_file()

    @property
    def open_mode(self) -> int | None:
        """The folder's permissions where other users have any; None where they have none."""
        mode = stat.S_IMODE(self.path.stat().st_mode)
        return mode if mode & 0o077 else None

    def manifest(self) -> Manifest:
        """What the run was started with.

        Raises:
            RunDirectoryError: there is no run here, or a field of its manifest is not what it must be.
        """
        try:
            return msgspec.convert(self._plain(), Manifest)
        except (FileNotFoundError, NotADirectoryError) as missing:
            raise self._no_run("run.json") from missing
        except Refused as problem:
            raise RunDirectoryError(str(problem)) from problem

    def reader(self) -> Ledger:
        """The ledger, for reading only.

        Raises:
            RunDirectoryError: there is no run here.
        """
        self.manifest()
        if not self.ledger_path.is_file():
            raise self._no_run("ledger.db")
        return Ledger(self.ledger_path, read_only=True)

    @contextmanager
    def snapshot(self) -> Iterator[Ledger]:
        """The ledger at one moment, for reading only.

        Raises:
            RunDirectoryError: there is no run here.
        """
        with closing(self.reader()) as ledger, ledger.one_moment():
            yield ledger

    @contextmanager
    def writing(self, manifest: Manifest) -> Iterator[Ledger]:
        """Hold the directory and its ledger for writing; made with this manifest where there is none.

        Raises:
            RunDirectoryError: another process holds it, it is something else, a run of another identity or of an older
            version.
        """
        if self.path.exists() and not self.exists and not self._only_ours():
            raise RunDirectoryError(f"{self.path} exists and is no run of reasonmed; choose another -o")
        make_folder(self.path)
        check_own_folder(self.path)
        with self.lock():
            if self.manifest_path.exists():
                self._check(manifest)
            ledger = Ledger(self.ledger_path)
            try:
                if not self.manifest_path.exists():
                    MANIFEST.write(self.manifest_path, manifest)
                else:
                    self._note_phi(manifest)
                yield ledger
            finally:
                ledger.close()

    def owner(self) -> str | None:
        """Who is writing now, as ``pid 123 on host``; None when nobody is."""
        try:
            with os.fdopen(open_there(self._lock_path), errors="replace") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return file.read(_LONGEST_OWNER).strip() or "another process"
        except FileNotFoundError:
            return None
        except OSError as unread:
            raise RunDirectoryError(f"{self._lock_path} cannot be read: {unread.strerror}") from unread
        return None

    def _no_run(self, missing: str) -> RunDirectoryError:
        what = (
            f"it has no {missing}"
            if self.path.is_dir()
            else "it is a file"
            if self.path.exists()
            else "nothing is there"
        )
        return RunDirectoryError(f"{self.path} is no run: {what}; give the run directory that `reasonmed run` printed")

    def _only_ours(self) -> bool:
        """Whether nothing but the remains of a start that was interrupted is here."""
        ledger = self.ledger_path.name
        own = {self._lock_path.name, ledger, f".{ledger}.closed", *(ledger + side for side in SIDES)}
        return self.path.is_dir() and not others_in(self.path, own.__contains__)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one who writes into the folder, which is there.

        Raises:
            RunDirectoryError: another process is.
        """
        with os.fdopen(open_own(self._lock_path, os.O_RDWR), "r+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as held:
                raise RunDirectoryError(f"{self.path} is in use by {self.owner()}; one run at a time") from held
            file.truncate(0)
            file.write(f"pid {os.getpid()} on {socket.gethostname()}")
            file.flush()
            yield

    def _plain(self) -> dict[str, object]:
        """The manifest as it is in its file, all that is read of it checked."""
        return MANIFEST.plain(inside(self.path, self.manifest_path.name))

    def _note_phi(self, manifest: Manifest) -> None:
        """Add what a later session decided on patients' data to the manifest, where it is something new."""
        known = self.manifest().phi
        new = [one for one in manifest.phi if one not in known]
        if new:
            MANIFEST.write(self.manifest_path, {**self._plain(), "phi": msgspec.to_builtins([*known, *new])})

    def note_corrections(self, made: list[Correction]) -> None:
        """Write the corrections of the ledger to the manifest, where it has others."""
        if made != self.manifest().corrections:
            MANIFEST.write(self.manifest_path, {**self._plain(), "corrections": msgspec.to_builtins(made)})

    def _check(self, manifest: Manifest) -> None:
        old = self.manifest()
        if old.command != manifest.command:
            raise RunDirectoryError(f"{self.path} was made by `{old.command}`, not by `{manifest.command}`")
        if old.format in READ_ONLY:
            anew = _ANEW.get(old.command, f"-o NEW --fork {self.path}")
            raise RunDirectoryError(
                f"{self.path} was made by reasonmed {old.reasonmed}: this version reads it (status, why, export), "
                f"but does not resume or change it. Start a run that reuses its replies: {anew}"
            )
        changed = list(differences(old.identity, manifest.identity))
        if changed:
            lines = "\n".join(f"  - {one}" for one in changed)
            raise RunDirectoryError(
                f"{self.path} was made with another recipe or --against, and its records would change:\n{lines}\n"
                f"Use the old recipe, or start a run that reuses what is the same: -o NEW --fork {self.path}"
            )
