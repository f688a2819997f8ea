"""Exports: from a finished run to the files that others read. One module a format, found by its name.

A format's module has ``write(view, sinks)``: it goes over the view's ``rows()`` (records) or ``cases()`` (questions
with everything that happened to them) and adds rows to files of its own folder. ``HELD_OUT = True`` says that it needs
a held-out split, ``PARQUET = True`` that it needs pyarrow.
"""

from __future__ import annotations

from importlib import import_module
from itertools import islice
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from reasonmed import __version__
from reasonmed.backends._weights import sha256_of
from reasonmed.errors import UsageError
from reasonmed.export import chat_templates as templates
from reasonmed.export import formats as _formats
from reasonmed.export._configs import configs
from reasonmed.export._findings import drops_of, read_drops
from reasonmed.export._install import check_folder, installing, manifest_text
from reasonmed.export._manifest import MANIFEST
from reasonmed.export._recard import card_into, read_export, recard
from reasonmed.export._settings import Settings, parse_shares
from reasonmed.export._sinks import Sinks, need_pyarrow
from reasonmed.export._view import View
from reasonmed.export.card import About, Taken, gather
from reasonmed.export.formats.trl_sft import rows_of
from reasonmed.files import write_atomically
from reasonmed.runs.layouts import way_to_records
from reasonmed.runs.status import read_status
from reasonmed.screening.secrets import without_secrets

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    from reasonmed.runs.directory import RunDirectory

__all__ = [
    "DEFAULT_FORMATS",
    "MANIFEST",
    "About",
    "Settings",
    "configs",
    "drops_of",
    "export",
    "formats",
    "parse_shares",
    "read_drops",
    "read_export",
    "recard",
]

DEFAULT_FORMATS = ("reasonmed-json", "records")
_TRIED = 100
"""So many records are rendered to try a template."""
_IMPOSSIBLE = {
    "prm": "needs a verdict for every step of a chain of thought; the judge of a run gives one for the whole chain. "
    "Use verifier (chain, verdict, reason) or kto instead"
}


def formats() -> list[str]:
    """The names of the formats."""
    return sorted(
        module.name.replace("_", "-") for module in iter_modules(_formats.__path__) if not module.name.startswith("_")
    )


def export(
    run: RunDirectory,
    folder: Path,
    settings: Settings,
    wanted: Sequence[str],
    *,
    force: bool,
    about: About | None = None,
) -> dict[str, Any]:
    """Write a run in every wanted format, each into a folder of its name, and the data card; returns the manifest.

    A run that is under way is read at one moment. ``about`` is what the card says beyond the run. The folder stays as
    it was unless all of it could be written.

    Raises:
        UsageError: an unknown format, a demo run without ``demo``, a folder with other content, nothing to export, a
            template that loses something, or a file for the card that is something else.
    """
    modules = {name: _module(name) for name in dict.fromkeys(wanted)}
    if any(getattr(module, "PARQUET", False) for module in modules.values()):
        need_pyarrow()
    manifest = run.manifest()
    _check_run(run, manifest, settings)
    check_folder(folder, force=force)
    with run.snapshot() as ledger:
        view = View(ledger, manifest, settings)
        if not view.questions.total():
            raise UsageError(f"{run.path}: nothing is left to export{_reasons(view.questions_left_out)}")
        _check_held_out(modules, view)
        if settings.template is not None:
            _check_template(settings.template, view)
        status = read_status(ledger, demo=manifest["demo"], running=run.owner() is not None)
        facts = gather(manifest, status, _taken(view))
        extra = (about or About()).told(facts["roles"])
        with installing(folder) as draft:
            written = {name: _write(module, view, draft / name) for name, module in modules.items()}
            if not any(sinks.rows for sinks in written.values()):
                left_out = view.left_out + view.questions_left_out
                raise UsageError(f"{run.path}: nothing is left to export{_reasons(left_out)}")
            told = {
                "reasonmed": __version__,
                "run": without_secrets(manifest["identity"]),
                "demo": manifest["demo"],
                "formats": list(modules),
                "forms": {name: (module.__doc__ or "").partition("\n")[0] for name, module in modules.items()},
                "settings": settings.told(),
                **view.told(),
                **_files(written, draft),
                "card": facts,
                **extra,
            }
            card_into(draft, told, draft)
            write_atomically(draft / MANIFEST, manifest_text(told))
    return told


def _files(written: Mapping[str, Sinks], draft: Path) -> dict[str, Any]:
    """What was written, file by file, as the manifest shows it."""
    rows = {f"{name}/{file}": count for name, sinks in written.items() for file, count in sinks.rows.items()}
    files = sorted([*rows, *(f"{name}/{file}" for name, sinks in written.items() for file in sinks.texts)])
    return {
        "rows": dict(sorted(rows.items())),
        "formats_left_out": {name: dict(sorted(sinks.left_out.items())) for name, sinks in written.items()},
        "sha256": {name: sha256_of(draft / name) for name in files},
    }


def _taken(view: View) -> Iterator[Taken]:
    return (Taken(case.story, case.split, case.records) for case in view.cases())


def _module(name: str) -> ModuleType:
    if name in _IMPOSSIBLE:
        raise UsageError(f"--format {name} {_IMPOSSIBLE[name]}")
    if name not in formats():
        raise UsageError(f"--format {name}: there are {', '.join(formats())}")
    return import_module(f"{_formats.__name__}.{name.replace('-', '_')}")


def _write(module: ModuleType, view: View, folder: Path) -> Sinks:
    with Sinks(folder) as sinks:
        module.write(view, sinks)
    return sinks


def _check_run(run: RunDirectory, manifest: dict[str, Any], settings: Settings) -> None:
    if manifest["command"] != "run":
        way = way_to_records(run.path.parent / run.path.name.removesuffix(".run"))
        raise UsageError(
            f"{run.path} was made by `{manifest['command']}`; exports are made of a run of the whole pipeline"
            + (f"; this leads there: {way}" if way else "")
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


def _reasons(left_out: Counter[str]) -> str:
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
    return f"; left out: {told}" if told else ": no question of it is finished"
