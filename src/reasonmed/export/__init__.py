"""Exports: from a finished run to the files that others read. One module a format, found by its name.

A format's module has ``write(rows, folder, settings)``: it writes its files and returns their names.
"""

from __future__ import annotations

import json
from contextlib import closing
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed import __version__
from reasonmed.errors import UsageError
from reasonmed.files import write_atomically
from reasonmed.outputs import outcomes, records_of, scores_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reasonmed.rundir import RunDirectory
    from reasonmed.types import Record

MANIFEST = "export.json"
DEFAULT_FORMATS = ("reasonmed_json", "records")


class Settings(NamedTuple):
    """What goes into an export, and how it ends."""

    plain: bool = False
    """Whether texts keep their own endings, instead of the one answer line."""
    demo: bool = False
    disputed: bool = False
    consensus: bool = False
    verified_only: bool = False


def formats() -> list[str]:
    """The names of the formats."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def export(
    run: RunDirectory, folder: Path, settings: Settings, wanted: Sequence[str], *, force: bool
) -> dict[str, Any]:
    """Write a run's records in every wanted format; returns the export's manifest.

    Raises:
        UsageError: an unknown format, a demo run without ``demo``, or a folder with other content.
    """
    unknown = [name for name in wanted if name not in formats()]
    if unknown:
        raise UsageError(f"--format {', '.join(unknown)}: there are {', '.join(formats())}")
    manifest = run.manifest()
    if manifest["command"] != "run":
        raise UsageError(
            f"{run.path} was made by `{manifest['command']}`; exports are made of a run of the whole pipeline"
        )
    if manifest["demo"] and not settings.demo:
        raise UsageError(
            f"{run.path} is a demo: its texts come from a model without medical ability. Export it only to try the "
            "machinery, with --demo"
        )
    _check_folder(folder, force=force)
    folder.mkdir(parents=True, exist_ok=True)
    selection = _Selection(run, settings)
    files = [name for form in wanted for name in import_module(f"{__name__}.{form}").write(selection, folder, settings)]
    told = {
        "reasonmed": __version__,
        "run": manifest["identity"],
        "demo": manifest["demo"],
        "formats": list(wanted),
        "files": sorted(files),
        "settings": settings._asdict(),
        "records": selection.taken,
        "left_out": dict(sorted(selection.left_out.items())),
    }
    write_atomically(folder / MANIFEST, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return told


def _check_folder(folder: Path, *, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; -o names a folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        what = "an older export" if (folder / MANIFEST).is_file() else "other content"
        raise UsageError(f"{folder} holds {what}; choose another -o, or replace its files with --force")


class _Selection:
    """The records that an export takes, as often as a format wants to go over them; counts what it leaves out."""

    def __init__(self, run: RunDirectory, settings: Settings) -> None:
        self._run, self._settings = run, settings
        self._facts = run.manifest()
        self.taken = 0
        self.left_out: dict[str, int] = {}

    def __iter__(self) -> Iterator[Record]:
        self.taken, self.left_out = 0, {}
        with closing(self._run.reader()) as ledger:
            for story in outcomes(ledger):
                for record in records_of(story, self._facts, scores_of(ledger, story.question.id)):
                    reason = self._reason(record)
                    if reason is None:
                        self.taken += 1
                        yield record
                    else:
                        self.left_out[reason] = self.left_out.get(reason, 0) + 1

    def _reason(self, record: Record) -> str | None:
        if "key_disputed" in record.flags and not self._settings.disputed:
            return "key_disputed"
        if record.answer_source == "consensus" and not self._settings.consensus:
            return "consensus"
        if not record.verified and self._settings.verified_only:
            return "unverified"
        return None
