"""An export is put in its place when it is whole; only files of an older export make room for it."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

MANIFEST = "export.json"
_DRAFT = ".reasonmed-export.part"


def check_folder(folder: Path, *, force: bool) -> None:
    """Refuse a file, and without ``force`` a folder with content.

    Raises:
        UsageError: it is one of these.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; -o names a folder")
    if folder.is_dir() and any(entry.name != _DRAFT for entry in folder.iterdir()) and not force:
        what = "an older export" if (folder / MANIFEST).is_file() else "other content"
        raise UsageError(
            f"{folder} holds {what}; choose another -o, or replace the files of an older export with --force"
        )


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of an export; None where there is none.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        _ = [PurePosixPath(name) for name in told["files"]]
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError) as torn:
        raise UsageError(f"{folder / MANIFEST} cannot be read ({torn}); choose another -o") from torn
    return dict(told)


def manifest_text(told: dict[str, Any]) -> str:
    """An export's manifest as its file has it."""
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


@contextmanager
def installing(folder: Path) -> Iterator[Path]:
    """A draft folder; what is in it in the end replaces the older export, if nothing else is in its way.

    Raises:
        UsageError: a file that is no older export's is in the way; the folder stays as it was.
    """
    older = _older(folder)
    new = not folder.exists()
    draft = folder / _DRAFT
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        yield draft
        names = sorted(path.relative_to(draft) for path in draft.rglob("*") if path.is_file())
        _check_way(folder, names, older)
        _remove(folder, older)
        for name in sorted(names, key=lambda name: name == Path(MANIFEST)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).replace(folder / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _older(folder: Path) -> set[Path]:
    """The files of the older export that is there, by their names in the folder."""
    told = read_manifest(folder)
    if told is None:
        return set()
    inside = folder.resolve()
    names = [Path(name) for name in (*told["files"], MANIFEST)]
    return {
        name
        for name in names
        if not name.is_absolute() and ".." not in name.parts and (folder / name).parent.resolve().is_relative_to(inside)
    }


def _check_way(folder: Path, names: list[Path], older: set[Path]) -> None:
    for name in names:
        for place in (name, *name.parents[:-1]):
            found = folder / place
            inner = place is not name and found.is_dir() and not found.is_symlink()
            if not inner and place not in older and (found.exists() or found.is_symlink()):
                raise UsageError(
                    f"{found} is in the way and is of no older export, so it stays; choose another -o, or move it away"
                )


def _remove(folder: Path, older: set[Path]) -> None:
    """The manifest first, so that a half-removed export is never taken for a whole one."""
    for name in sorted(older, key=lambda name: (name != Path(MANIFEST), name)):
        if (folder / name).is_file() or (folder / name).is_symlink():
            (folder / name).unlink()
    for place in sorted({parent for name in older for parent in name.parents[:-1]}, reverse=True):
        found = folder / place
        if found.is_dir() and not found.is_symlink() and not any(found.iterdir()):
            found.rmdir()
