"""Files that are there whole or not at all, and that only their owner may read, whatever the umask says."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import stat
from contextlib import ExitStack, contextmanager, suppress
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO

from reasonmed.errors import ReasonMedError, StorageFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_DRAFT = re.compile(r"\..+\.(?P<host>[^/]*)-(?P<pid>\d+)\.part")
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where a disk, a quota or the longest file is full."""
_A_LINK = frozenset({errno.ELOOP, errno.EMLINK, getattr(errno, "EFTYPE", errno.ELOOP)})
"""What systems say of a link where none is followed."""
_LINKED = "is a link, or no regular file"
_FILE, _FOLDER, _RIGHTS = 0o600, 0o700, 0o777


def no_room(place: object, failed: Exception) -> StorageFailed:
    """The error of a write for which there is no room."""
    said = failed.strerror if isinstance(failed, OSError) else str(failed)
    return StorageFailed(f"{place} cannot be written: {said}. Make room, then run the same command again.")


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, also after a power failure."""
    with replacing(path) as sink:
        sink.write(text.encode())


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file that takes the place of ``path`` once it is written to the end.

    Raises:
        StorageFailed: there is no room for it.
    """
    with replacing_all([path]) as (sink,):
        yield sink


@contextmanager
def replacing_all(paths: Sequence[Path]) -> Iterator[list[BinaryIO]]:
    """Binary files that take the places of ``paths`` once all of them are written to the end.

    Where it is interrupted between two of them, ``left_behind`` knows those that are in place.

    Raises:
        StorageFailed: there is no room for them.
    """
    try:
        with _drafted(paths) as sinks:
            yield sinks
    except OSError as failed:
        if failed.errno in NO_ROOM:
            raise no_room(" or ".join(map(str, paths)), failed) from failed
        raise


@contextmanager
def _drafted(paths: Sequence[Path]) -> Iterator[list[BinaryIO]]:
    for path in paths:
        make_folder(path.parent)
        _remove_stale_drafts(path)
    drafts = [path.with_name(f".{path.name}.{socket.gethostname()}-{os.getpid()}.part") for path in paths]
    try:
        with ExitStack() as stack:
            sinks = [stack.enter_context(_new(draft)) for draft in drafts]
            yield sinks
            for sink in sinks:
                sink.flush()
                os.fsync(sink.fileno())
        with _noted(paths, drafts):
            for draft, path in zip(drafts, paths, strict=True):
                move(draft, path)
    except BaseException:
        for draft in drafts:
            draft.unlink(missing_ok=True)
        raise


def _new(path: Path) -> BinaryIO:
    path.unlink(missing_ok=True)
    return os.fdopen(open_own(path, os.O_WRONLY | os.O_EXCL), "wb")


@contextmanager
def _noted(paths: Sequence[Path], drafts: Sequence[Path]) -> Iterator[None]:
    """Keep a note of what is about to be put in place until all of it is."""
    if len(paths) < 2:  # noqa: PLR2004 - one file is in place or is not
        yield
        return
    states = {str(path.absolute()): _state(draft) for path, draft in zip(paths, drafts, strict=True)}
    write_atomically(_note(paths), json.dumps(states))
    yield
    _note(paths).unlink()


def _note(paths: Sequence[Path]) -> Path:
    return paths[0].with_name(f".{paths[0].name}.unfinished")


def _state(path: Path) -> list[int]:
    """What tells a file from another one, and from itself after a change."""
    facts = path.stat()
    return [facts.st_ino, facts.st_size, facts.st_mtime_ns]


def left_behind(path: Path, paths: Sequence[Path]) -> bool:
    """Whether a file was put in place by a ``replacing_all`` of these that was interrupted, and is unchanged since."""
    try:
        states = json.loads(_note(paths).read_text(encoding="ascii"))
        return isinstance(states, dict) and states.get(str(path.absolute())) == _state(path)
    except (OSError, ValueError):
        return False


def move(draft: Path, path: Path) -> None:
    """Put a file that is whole and synced in the place of another one, whose permissions it gets if that is ours."""
    try:
        older = path.lstat()
    except FileNotFoundError:
        pass
    else:
        if stat.S_ISREG(older.st_mode) and older.st_nlink == 1 and older.st_uid == os.geteuid():
            draft.chmod(stat.S_IMODE(older.st_mode) & _RIGHTS)
    draft.replace(path)
    sync(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and its parents, for its owner alone; a folder that is there stays as it is."""
    if not path.parent.exists():
        make_folder(path.parent)
    try:
        path.mkdir(_FOLDER)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        sync(path.parent)


def others_in(folder: Path, ours: Callable[[str], bool]) -> list[str]:
    """The names in a folder that are none of ours, drafts aside; none where there is no folder yet.

    Raises:
        NotADirectoryError: a file is in its place.
    """
    try:
        return sorted(one.name for one in folder.iterdir() if not ours(one.name) and not is_draft(one.name))
    except FileNotFoundError:
        return []


def check_new_file(path: Path, *, force: bool, other: str = "-o") -> None:
    """See that a file may be written: nothing is there, or a file that may be replaced.

    Raises:
        UsageError: it is not.
    """
    if path.exists() and (path.is_dir() or not force):
        raise UsageError(f"{path} exists; choose another {other}{'' if path.is_dir() else ', or --force'}")


def open_own(path: Path, flags: int) -> int:
    """Open, or make, a file for writing whose name others can foresee: for its owner alone, and never through a link.

    Raises:
        ReasonMedError: what is there is a link, no file, or somebody else's; it stays as it is.
    """
    flags |= os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        opened = os.open(path, flags, _FILE)
    except OSError as refused:
        if refused.errno in _A_LINK:
            raise _foreign(path, _LINKED) from refused
        raise
    try:
        _check_file(path, os.fstat(opened))
    except BaseException:
        os.close(opened)
        raise
    return opened


def open_there(path: Path) -> int:
    """Open a file for reading whose name others can foresee: through no link, and without waiting for a writer."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def check_own(path: Path) -> None:
    """See that what is there under a name that others can foresee, if anything, is a file of our own.

    Raises:
        ReasonMedError: it is not.
    """
    with suppress(FileNotFoundError):
        _check_file(path, path.lstat())


def check_own_folder(path: Path) -> None:
    """See that a folder is not another user's, who could put other files into the places of ours.

    Raises:
        ReasonMedError: it is.
    """
    _check_owner(path, path.stat(), path)


def _check_file(path: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode) or facts.st_nlink > 1:
        raise _foreign(path, _LINKED)
    _check_owner(path, facts, path.parent)


def _check_owner(path: Path, facts: os.stat_result, folder: Path) -> None:
    if facts.st_uid != os.geteuid() and facts.st_uid != _owner_of_new_files(folder):
        raise _foreign(path, f"belongs to another user (uid {facts.st_uid})")


def _owner_of_new_files(folder: Path) -> int:
    """Whose the files are that we make there: some mounts say that all files belong to one user."""
    with TemporaryFile(dir=folder) as made:
        return os.fstat(made.fileno()).st_uid


def _foreign(path: Path, what: str) -> ReasonMedError:
    return ReasonMedError(f"{path} {what}: nothing is written there; choose another folder")


def sync(path: Path) -> None:
    """Make a file's content, or renames and removals in a folder, durable."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def is_draft(name: str) -> bool:
    """Whether a file name is that of an unfinished ``replacing``."""
    return _DRAFT.fullmatch(name) is not None


def _remove_stale_drafts(path: Path) -> None:
    """Remove drafts of this file whose process was killed on this host."""
    for draft in path.parent.glob(f".{_escaped(path.name)}.*-*.part"):
        found = _DRAFT.fullmatch(draft.name)
        if found and found["host"] == socket.gethostname() and not _alive(int(found["pid"])):
            draft.unlink(missing_ok=True)


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
