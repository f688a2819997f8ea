"""Exports: from a finished run to the files that others read. One module a format, found by its name.

A format's module has ``write(view, sinks)``: it goes over the view's ``rows()`` (records) or ``cases()`` (questions
with everything that happened to them) and adds rows to files of its own folder. ``HELD_OUT = True`` says that it needs
a held-out split, ``PARQUET = True`` that it needs pyarrow, ``MASKS = True`` that its rows can mask steps. Other
packages have such modules too, found by an entry point or a dotted name.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from functools import partial
from importlib import import_module
from itertools import islice
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed import __version__, plugins
from reasonmed.backends._weights import sha256_of
from reasonmed.errors import UsageError
from reasonmed.export import chat_templates as templates
from reasonmed.export import formats as _formats
from reasonmed.export._configs import configs
from reasonmed.export._findings import drops_of, read_drops
from reasonmed.export._install import check_folder, installing
from reasonmed.export._lengths import limit_of
from reasonmed.export._manifest import EXPORT, MANIFEST, Export
from reasonmed.export._merge import Part, refuse_unlike
from reasonmed.export._order import ORDERS, parse_pass_rate
from reasonmed.export._recard import card_into, read_export, recard
from reasonmed.export._reviewed import CHOICES
from reasonmed.export._settings import Settings, parse_shares
from reasonmed.export._sinks import Sinks, need_pyarrow
from reasonmed.export._together import write_all
from reasonmed.export._view import View
from reasonmed.export.card import About, Taken, part_of, tally, together
from reasonmed.export.formats.trl_sft import rows_of
from reasonmed.runs.corrections import corrections_in
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.layouts import way_to_records
from reasonmed.runs.reviews.rates import rates_of
from reasonmed.runs.reviews.rulings import rulings_in
from reasonmed.runs.status import read_status
from reasonmed.screening.secrets import without_secrets

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.engine.ledger import Ledger
    from reasonmed.export.card.facts import Part as Told
    from reasonmed.runs.manifest import Manifest

__all__ = [
    "DEFAULT_FORMATS",
    "MANIFEST",
    "About",
    "Export",
    "Settings",
    "Sinks",
    "View",
    "configs",
    "drops_of",
    "export",
    "formats",
    "limit_of",
    "parse_pass_rate",
    "parse_shares",
    "read_drops",
    "read_export",
    "recard",
]

DEFAULT_FORMATS = ("reasonmed-json", "records")
_NO_STEPS = ". Labels of steps are those of a run whose recipe says `verify: {steps: true}`"
_MASKING = "trl-sft, axolotl and parquet"
_TRIED = 100
"""So many records are rendered to try a template."""


def formats() -> list[str]:
    """The names of the formats."""
    return sorted(
        module.name.replace("_", "-") for module in iter_modules(_formats.__path__) if not module.name.startswith("_")
    )


def export(
    given: RunDirectory | Sequence[RunDirectory],
    folder: Path,
    settings: Settings,
    wanted: Sequence[str],
    *,
    force: bool,
    about: About | None = None,
) -> Export:
    """Write runs in every wanted format, each into a folder of its name, with the data card; gives the manifest.

    Of several runs, a question is taken once: see ``Copies``. A run that is under way is read at one moment. ``about``
    is what the card says beyond the runs. The folder stays as it was unless all of it could be written.

    Raises:
        UsageError: an unknown format, a demo run without ``demo``, runs that do not go together, a folder with other
            content, nothing to export, a template that loses something, or a file for the card that is something else.
    """
    modules = {name: _find(name) for name in dict.fromkeys(wanted)}
    if any(one.says("PARQUET") for one in modules.values()):
        need_pyarrow()
    if settings.mask_steps and not any(one.says("MASKS") for one in modules.values()):
        raise UsageError(f"--mask-steps: {', '.join(modules)} cannot mask steps; add one of {_MASKING} with --format")
    if settings.order not in ORDERS:
        raise UsageError(f"--order {settings.order!r}: there are {', '.join(ORDERS)}")
    runs = [given] if isinstance(given, RunDirectory) else given
    manifests = [_checked(run, settings) for run in runs]
    refuse_unlike(manifests, [str(run.path.resolve()) for run in runs])
    names = ", ".join(str(run.path) for run in runs)
    check_folder(folder, force=force)
    with ExitStack() as stack:
        parts = [
            _part(number, run, stack.enter_context(run.snapshot()), manifest)
            for number, (run, manifest) in enumerate(zip(runs, manifests, strict=True), 1)
        ]
        _check_reviewed(parts, names, settings)
        view = View(parts, settings)
        if not view.questions.total():
            raise UsageError(f"{names}: nothing is left to export{_reasons(view.questions_left_out)}")
        _check_held_out(modules, view)
        if settings.template is not None:
            _check_template(settings.template, view)
        facts = together([_fact_of(one, run, view) for one, run in zip(parts, runs, strict=True)], tally(_taken(view)))
        extra = (about or About()).read(facts.judges)
        with installing(folder) as draft:
            written = write_all(view, {name: partial(one.write, folder=draft / name) for name, one in modules.items()})
            if not any(sinks.rows for sinks in written.values()):
                left_out = sum((one.left_out for one in written.values()), view.left_out + view.questions_left_out)
                raise UsageError(f"{names}: nothing is left to export{_reasons(left_out)}")
            told = Export(
                reasonmed=__version__,
                run=without_secrets(manifests[0].identity) if len(runs) == 1 else {},
                demo=facts.run.demo,
                formats=list(modules),
                forms={name: one.form for name, one in modules.items()},
                settings=settings.shown(),
                unfinished=view.unfinished,
                records=view.records.total(),
                splits=view.splits(),
                own_split=view.own_split,
                duplicates=view.duplicates,
                left_out=_sorted(view.left_out),
                questions_left_out=_sorted(view.questions_left_out),
                chains_left_out=_sorted(view.chains_left_out),
                rows=_rows(written),
                formats_left_out={name: _sorted(sinks.left_out) for name, sinks in written.items()},
                of_which={name: _sorted(sinks.of_which) for name, sinks in written.items() if sinks.of_which},
                sha256={name: sha256_of(draft / name) for name in _names(written)},
                card=facts,
                about=extra.about,
                checks=extra.checks,
                judge_card=extra.judge_card,
            )
            card_into(draft, told, draft)
            EXPORT.write(draft / MANIFEST, told)
    return told


def _rows(written: Mapping[str, Sinks]) -> dict[str, int]:
    """How many rows each table has."""
    return _sorted({f"{name}/{file}": count for name, sinks in written.items() for file, count in sinks.rows.items()})


def _names(written: Mapping[str, Sinks]) -> list[str]:
    """The files of all formats."""
    return sorted(f"{name}/{file}" for name, sinks in written.items() for file in (*sinks.rows, *sinks.texts))


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _taken(view: View) -> Iterator[Taken]:
    return (Taken(case.story, case.split, case.records) for case in view.cases())


class _Format(NamedTuple):
    """A format's module, and the package that it is from where it does not ship."""

    module: Any
    plugin: plugins.Plugin | None = None

    def says(self, mark: str) -> bool:
        """Whether the module has a mark, such as ``PARQUET``."""
        return bool(getattr(self.module, mark, False))

    @property
    def form(self) -> str:
        """What it writes, in the first line of its own description; with the package and its version."""
        said = (self.module.__doc__ or "").strip().partition("\n")[0]
        return said if self.plugin is None else f"{said} ({self.plugin.package} {self.plugin.version})".strip()

    def write(self, view: View, folder: Path) -> Sinks:
        """Write a run into a folder of its own."""
        with Sinks(folder) as sinks, plugins.at_work(self.plugin) if self.plugin else nullcontext():
            self.module.write(view, sinks)
        return sinks


def _find(name: str) -> _Format:
    if name in formats():
        return _Format(import_module(f"{_formats.__name__}.{name.replace('-', '_')}"))
    found = plugins.load("formats", name)
    if found is None:
        raise UsageError(f"--format {name}: there are {plugins.names('formats', formats())}")
    if not hasattr(found.module, "write"):
        raise UsageError(f"--format {name}: {found.plugin} has no function write(view, sinks)")
    return _Format(found.module, found.plugin)


def _part(number: int, run: RunDirectory, ledger: Ledger, manifest: Manifest) -> Part:
    return Part(number, ledger, manifest, rulings_in(run.path, ledger))


def _check_reviewed(parts: Sequence[Part], names: str, settings: Settings) -> None:
    if settings.reviewed not in CHOICES:
        raise UsageError(f"--reviewed {settings.reviewed!r}: there are {', '.join(CHOICES)}")
    if settings.reviewed == "accepted" and not any(part.rulings for part in parts):
        raise UsageError(f"--reviewed accepted: {names} has no vote; review it with `reasonmed view`")


def _fact_of(part: Part, run: RunDirectory, view: View) -> Told:
    """What the card says of a run."""
    part.manifest.corrections = corrections_in(part.ledger)
    status = read_status(part.ledger, demo=part.manifest.demo, running=run.owner() is not None)
    told = part_of(part.manifest, status, None if part.rulings is None else rates_of(part.rulings, part.ledger))
    told.questions, told.records = view.of_runs[part.number], view.records_of_runs[part.number]
    return told


def _checked(run: RunDirectory, settings: Settings) -> Manifest:
    """The manifest of a run that can be exported."""
    manifest = run.manifest()
    if manifest.command != "run":
        way = way_to_records(run.path.parent / run.path.name.removesuffix(".run"))
        raise UsageError(
            f"{run.path} was made by `{manifest.command}`; exports are made of a run of the whole pipeline"
            + (f"; this leads there: {way}" if way else "")
        )
    if manifest.demo and not settings.demo:
        raise UsageError(
            f"{run.path} is a demo: its texts come from a model without medical ability. Export it only to try the "
            "machinery, with --demo"
        )
    return manifest


def _check_held_out(modules: Mapping[str, _Format], view: View) -> None:
    wanting = [name for name, one in modules.items() if one.says("HELD_OUT")]
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
    if not told:
        return ": no question of it is finished"
    return f"; left out: {told}" + (_NO_STEPS if "no_steps" in left_out else "")
