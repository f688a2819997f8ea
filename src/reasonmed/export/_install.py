"""An export is put in its place when it is whole; only files of an older export make room for it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reasonmed.documents import Refused, inside, json_text
from reasonmed.errors import UsageError
from reasonmed.export._manifest import MANIFEST, installed
from reasonmed.files import make_folder, move, others_in, sync, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DRAFT = ".reasonmed-export.part"
_WHOLE = ".reasonmed-export.whole"
"""Written beside a draft when it is whole, until nothing is left of it: whoever comes next finishes the replacement."""

_PASSING = frozenset({_DRAFT, _WHOLE})
"""What an interrupted command may have left."""


def check_folder(folder: Path, *, force: bool) -> None:
    """Refuse a file, and without ``force`` a folder with content; an export that was interrupted may be replaced.

    Raises:
        UsageError: it is one of these.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; -o names a folder")
    if settle(folder) or force:
        return
    if others_in(folder, _PASSING.__contains__):
        what = "an older export" if (folder / MANIFEST).is_file() else "other content"
        raise UsageError(
            f"{folder} holds {what}; choose another -o, or replace the files of an older export with --force"
        )


def manifest_text(told: Mapping[str, object]) -> str:
    """The manifest of another stack's rows as its file has it."""
    return json_text(told)


@contextmanager
def installing(folder: Path) -> Iterator[Path]:
    """A draft folder; what is in it in the end replaces the older export, if nothing else is in its way.

    Files of the older export that the draft's manifest names, and the draft does not have, stay.

    Raises:
        UsageError: a file that is no older export's is in the way; the folder stays as it was.
    """
    settle(folder)
    older = _files_of(folder)
    new = not folder.exists()
    draft = folder / _DRAFT
    try:
        _clear(draft)
        make_folder(draft)
        yield draft
        _check_way(folder, _names(draft), older)
        write_atomically(folder / _WHOLE, "")
        settle(folder)
    finally:
        if not (folder / _WHOLE).exists():
            _clear(draft)
        if new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def settle(folder: Path) -> bool:
    """Finish a replacement that was interrupted after its draft was whole; returns whether there was one.

    Each step can be repeated: the older manifest stays until all of the new files are in place.

    Raises:
        UsageError: something was put in the way meanwhile.
    """
    draft, whole = folder / _DRAFT, folder / _WHOLE
    if draft.is_symlink() or whole.is_symlink() or not whole.is_file():
        return False
    older, names = _files_of(folder), _names(draft)
    _check_way(folder, names, older)
    for name in names:
        if name != Path(MANIFEST):
            _move(draft, folder, name)
    if (draft / MANIFEST).is_file():
        _remove(folder, older - _files_of(draft))
        _move(draft, folder, Path(MANIFEST))
    sync(folder)
    _clear(draft)
    whole.unlink()
    return True


def _names(draft: Path) -> list[Path]:
    return sorted(path.relative_to(draft) for path in draft.rglob("*") if path.is_file())


def _move(draft: Path, folder: Path, name: Path) -> None:
    make_folder((folder / name).parent)
    move(draft / name, folder / name)


def _clear(draft: Path) -> None:
    if draft.is_symlink():
        draft.unlink()
    elif draft.is_dir():
        shutil.rmtree(draft)


def _files_of(folder: Path) -> set[Path]:
    """The files that a manifest names, itself among them; none where there is no manifest."""
    told = installed(folder)
    return set() if told is None else {Path(name) for name in (*told.files, MANIFEST)}


def _check_way(folder: Path, names: list[Path], older: set[Path]) -> None:
    for name in names:
        _see_inside(folder, name.parent / "_")
        for place in (name, *name.parents[:-1]):
            found = folder / place
            inner = place is not name and found.is_dir() and not found.is_symlink()
            if not inner and place not in older and (found.exists() or found.is_symlink()):
                raise UsageError(
                    f"{found} is in the way and is of no older export, so it stays; choose another -o, or move it away"
                )


def _see_inside(folder: Path, name: Path) -> None:
    try:
        inside(folder, name)
    except Refused as problem:
        raise UsageError(f"{folder}: {problem}") from problem


def _remove(folder: Path, names: set[Path]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
    for place in sorted({parent for name in names for parent in name.parents[:-1]}, reverse=True):
        found = folder / place
        if found.is_dir() and not found.is_symlink() and not any(found.iterdir()):
            found.rmdir()
