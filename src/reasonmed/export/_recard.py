"""The data card of an export, made again: after a check, with a judge card, under another name."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from reasonmed.backends._weights import sha256_of
from reasonmed.errors import UsageError
from reasonmed.export._configs import configs
from reasonmed.export._install import installing, settle
from reasonmed.export._manifest import EXPORT, MANIFEST, installed, whole_manifest
from reasonmed.export.card import render
from reasonmed.export.card.extras import Extras
from reasonmed.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.export._manifest import Export
    from reasonmed.export.card import About

_OF_CARD = ("about", "checks", "judge_card", "card_sha256", "files")
"""The fields of the manifest that a new card changes."""


def read_export(folder: Path) -> Export:
    """The manifest of an export whose data files are all as they were written.

    Raises:
        UsageError: there is no export, it is of an older version or for another stack's training, or a file of it is
            missing or was changed.
    """
    return _read(folder)[1]


def _read(folder: Path) -> tuple[dict[str, object], Export]:
    settle(folder)
    there = installed(folder)
    if there is None:
        raise UsageError(f"{folder} is no export: it has no {MANIFEST}")
    if there.emitted is not None:
        raise UsageError(
            f"{folder} holds rows for {there.emitted!s:.50} that `reasonmed train --emit` wrote, which have no card; "
            "give the export that they were made from"
        )
    plain, told = whole_manifest(folder)
    for name, expected in told.sha256.items():
        whole = (folder / name).is_file()
        if not whole or sha256_of(folder / name) != expected:
            what = "was changed after the export" if whole else "is missing"
            raise UsageError(f"{folder / name} {what}, so a card would be wrong; export the run again with --force")
    return plain, told


def card_into(folder: Path, told: Export, data: Path) -> None:
    """Write the card of the tables in ``data``, and name its files in the manifest's ``files`` and ``card_sha256``."""
    made = render(data, told, configs(told.rows))
    for name, content in made.items():
        write_atomically(folder / name, content)
    told.card_sha256 = {name: sha256(content.encode()).hexdigest() for name, content in sorted(made.items())}
    told.files = sorted({*told.sha256, *made})


def recard(folder: Path, about: About, *, force: bool) -> Export:
    """Make the card of an export again; what is not given stays as it was. Returns the manifest.

    Raises:
        UsageError: there is no whole export, a file for the card is something else, or, without ``force``, the card was
            changed by hand.
    """
    plain, told = _read(folder)
    extra = about.read(told.card.judges, Extras(told.about, told.checks, told.judge_card))
    told.about, told.checks, told.judge_card = extra
    old = told.card_sha256
    edited = [
        name for name, expected in old.items() if (folder / name).is_file() and sha256_of(folder / name) != expected
    ]
    if edited and not force:
        raise UsageError(f"{folder / edited[0]} was changed by hand; keep your copy, then replace it with --force")
    foreign = [
        name for name in render(folder, told, configs(told.rows)) if name not in old and (folder / name).exists()
    ]
    if foreign:
        raise UsageError(f"{folder / foreign[0]} is in the way and is no file of the card; move it away")
    with installing(folder) as draft:
        card_into(draft, told, folder)
        fresh = msgspec.to_builtins(told)
        EXPORT.write(draft / MANIFEST, plain | {name: fresh[name] for name in _OF_CARD if name in fresh})
    return told
