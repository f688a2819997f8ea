"""Exports: from a finished run to the files that others read. One module a format, found by its name.

A format's module has ``write(view, sinks)``: it goes over the view's ``rows()`` (records) or ``cases()`` (questions
with everything that happened to them) and adds rows to files of its own folder. ``HELD_OUT = True`` says that it needs
a held-out split, ``PARQUET = True`` that it needs pyarrow.
"""

from __future__ import annotations

import json
from importlib import import_module
from itertools import islice
from pathlib import PurePosixPath
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import yaml

from reasonmed import __version__, templates
from reasonmed.errors import UsageError
from reasonmed.export._configs import configs
from reasonmed.export._findings import read_drops
from reasonmed.export._settings import Settings, parse_shares
from reasonmed.export._sinks import Sinks, need_pyarrow
from reasonmed.export._view import View
from reasonmed.export.trl_sft import rows_of
from reasonmed.files import write_atomically

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from types import ModuleType

    from reasonmed.rundir import RunDirectory

__all__ = ["DEFAULT_FORMATS", "MANIFEST", "Settings", "configs", "export", "formats", "parse_shares", "read_drops"]

MANIFEST = "export.json"
CARD = "README.md"
DEFAULT_FORMATS = ("reasonmed-json", "records")
_TRIED = 100
"""So many records are rendered to try a template."""
_IMPOSSIBLE = {
    "prm": "needs a verdict for every step of a chain of thought; the judge of a run gives one for the whole chain. "
    "Use verifier (chain, verdict, reason) or kto instead"
}


def formats() -> list[str]:
    """The names of the formats."""
    return sorted(module.name.replace("_", "-") for module in iter_modules(__path__) if not module.name.startswith("_"))


def export(
    run: RunDirectory,
    folder: Path,
    settings: Settings,
    wanted: Sequence[str],
    *,
    force: bool,
    template: str | None = None,
) -> dict[str, Any]:
    """Write a run in every wanted format, each into a folder of its name; returns the export's manifest.

    ``template`` is a chat template's name or file that must keep what is to be learned; else nothing is written.

    Raises:
        UsageError: an unknown format, a demo run without ``demo``, a folder with other content, nothing to export, or
            a template that loses something.
    """
    modules = {name: _module(name) for name in dict.fromkeys(wanted)}
    if any(getattr(module, "PARQUET", False) for module in modules.values()):
        need_pyarrow()
    manifest = run.manifest()
    _check_run(run, manifest, settings)
    _check_folder(folder, force=force)
    view = View(run, settings)
    if not view.questions.total():
        raise UsageError(f"{run.path}: nothing is left to export{_reasons(view.questions_left_out)}")
    _check_held_out(modules, view)
    if template is not None:
        _check_template(template, view)
    _clear(folder)
    written = {name: _write(module, view, folder / name) for name, module in modules.items()}
    rows = {f"{name}/{file}": count for name, sinks in written.items() for file, count in sinks.rows.items()}
    if not rows:
        raise UsageError(f"{run.path}: nothing is left to export{_reasons(view.left_out + view.questions_left_out)}")
    write_atomically(folder / CARD, _card(rows))
    told = {
        "reasonmed": __version__,
        "run": manifest["identity"],
        "demo": manifest["demo"],
        "formats": list(modules),
        "files": sorted([*rows, *(f"{name}/{file}" for name, sinks in written.items() for file in sinks.texts), CARD]),
        "rows": dict(sorted(rows.items())),
        "settings": settings.told(),
        **view.told(),
        "formats_left_out": {name: dict(sorted(sinks.left_out.items())) for name, sinks in written.items()},
    }
    write_atomically(folder / MANIFEST, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return told


def _module(name: str) -> ModuleType:
    if name in _IMPOSSIBLE:
        raise UsageError(f"--format {name} {_IMPOSSIBLE[name]}")
    if name not in formats():
        raise UsageError(f"--format {name}: there are {', '.join(formats())}")
    return import_module(f"{__name__}.{name.replace('-', '_')}")


def _write(module: ModuleType, view: View, folder: Path) -> Sinks:
    with Sinks(folder) as sinks:
        module.write(view, sinks)
    return sinks


def _check_run(run: RunDirectory, manifest: dict[str, Any], settings: Settings) -> None:
    if manifest["command"] != "run":
        raise UsageError(
            f"{run.path} was made by `{manifest['command']}`; exports are made of a run of the whole pipeline"
        )
    if manifest["demo"] and not settings.demo:
        raise UsageError(
            f"{run.path} is a demo: its texts come from a model without medical ability. Export it only to try the "
            "machinery, with --demo"
        )


def _check_held_out(modules: dict[str, ModuleType], view: View) -> None:
    wanting = [name for name, module in modules.items() if getattr(module, "HELD_OUT", False)]
    if wanting and not view.questions["test"] + view.questions["validation"]:
        raise UsageError(
            f"--format {','.join(wanting)} needs held-out questions, and all are in train; add --split 0.9,0.05,0.05"
        )


def _check_folder(folder: Path, *, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; -o names a folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        what = "an older export" if (folder / MANIFEST).is_file() else "other content"
        raise UsageError(f"{folder} holds {what}; choose another -o, or replace its files with --force")


def _check_template(name: str, view: View) -> None:
    text = templates.load(name)
    rows = (made for row in islice(view.rows(), _TRIED) for _, made in rows_of(row, view.settings))
    problems = templates.guard(text, rows)
    if problems:
        told = "\n".join(f"  - {problem}" for problem in problems)
        raise UsageError(
            f"--template {name}: training through it would not teach what the data holds:\n{told}\n"
            "Use a template made for training, or the other --reasoning"
        )


def _clear(folder: Path) -> None:
    """Take the files of an older export away, so that none of them stays among the new ones."""
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        names = [PurePosixPath(name) for name in files]
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, KeyError) as torn:
        raise UsageError(f"{folder / MANIFEST} cannot be read ({torn}); choose another -o") from torn
    for name in names:
        if not name.is_absolute() and ".." not in name.parts:
            (folder / name).unlink(missing_ok=True)
    (folder / MANIFEST).unlink()


def _card(files: Iterable[str]) -> str:
    """The head of a data card: which files load together."""
    return f"---\n{yaml.safe_dump({'configs': configs(files)}, sort_keys=False)}---\n"


def _reasons(left_out: Counter[str]) -> str:
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
    return f"; left out: {told}" if told else ": no question of it is finished"
